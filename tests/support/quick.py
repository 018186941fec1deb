"""Makes a test's own AWS cheap, without changing what the test sees.

Most tests have an empty account and clients of their own. Nearly all that this costs is making the same things again:
the service models that every botocore session parses, the URL patterns that moto gives the `responses` library for
each of its mocks, names in moto's spelling, and, in every call, the parts of the user agent. What nothing changes is
made once per process.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.useragent
import moto.core.models
import moto.core.responses
import moto.core.utils
import moto.sqs.models
from botocore.loaders import JSONFileLoader, Loader

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

_Files: Any = JSONFileLoader  # its stub lacks the method that parses a file
_read = _Files._load_file
_model = Loader.load_service_model


class _ReadAnew(_Files):  # type: ignore[misc]  # Any
    """Parses a file for its caller alone."""

    _load_file = _read


@functools.cache
def _parsed(path: str, opened_by: Callable[..., Any], modified_ns: int, size_bytes: int) -> Any:
    """Return a service model; a file that a test has changed is another one."""
    return _read(_Files(), path, opened_by)


def _load_file(_: JSONFileLoader, full_path: str, open_method: Callable[..., Any]) -> Any:
    try:
        found = Path(full_path).stat()
    except OSError:
        return None
    return _parsed(full_path, open_method, found.st_mtime_ns, found.st_size)


def _load_service_model(self: Any, service_name: str, type_name: str, api_version: str | None = None) -> Any:
    """Answer as botocore does. A model with extras is the loader's own: moto and folders on AWS_DATA_PATH add to it."""
    version = api_version or self.determine_latest_version(service_name, type_name)
    shared = self.file_loader
    if any(True for _ in self._find_extras(service_name, type_name, version)):
        self.file_loader = _ReadAnew()
    try:
        return _model(self, service_name, type_name, api_version)
    finally:
        self.file_loader = shared


def apply() -> None:
    """Make each once from now on."""
    _Files._load_file = _load_file
    Loader.load_service_model = _load_service_model  # type: ignore[method-assign]
    once(moto.core.models, "CallbackResponse")
    once(botocore.useragent, "sanitize_user_agent_string_component")
    for module in (moto.core.utils, moto.core.responses, moto.sqs.models):
        once(module, "camelcase_to_underscores")


def once(module: ModuleType, name: str) -> None:
    """Keep what a function or class of a module answers to the same arguments."""
    setattr(module, name, functools.cache(getattr(module, name)))
