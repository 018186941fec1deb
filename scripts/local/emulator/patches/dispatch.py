"""Every request: values that never change and that moto computes for each request."""

from __future__ import annotations

import functools
from typing import Any

import moto.core.responses as responses_module
from moto.core.utils import method_names_from_class
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

_original_backend_for_host = DomainDispatcherApplication.get_backend_for_host


@functools.cache
def method_names(handler: type[Any]) -> frozenset[str]:
    """Return the operations a handler answers; moto inspects the whole class at each request."""
    return frozenset(method_names_from_class(handler))


def get_backend_for_host(self: DomainDispatcherApplication, host: str | None) -> Any:
    """Return the service behind a host name; moto lists its own folder and tries 200 patterns, twice a request."""
    known: dict[str | None, Any] = self.__dict__.setdefault("postroom_backends", {})
    if host not in known:
        known[host] = _original_backend_for_host(self, host)
    return known[host]


def apply() -> None:
    """Put the functions above in place of moto's."""
    responses_module.method_names_from_class = method_names
    DomainDispatcherApplication.get_backend_for_host = get_backend_for_host
