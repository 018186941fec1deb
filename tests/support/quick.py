"""Makes a test's own AWS cheap, without changing what the test sees.

Most tests have an empty account and clients of their own. Nearly all that this costs is making the same things again:
the service models that every botocore session parses, the methods that every client's class gets, the URL patterns
that moto gives the `responses` library for each of its mocks, names in moto's spelling, and, in every call, the parts
of the user agent. What nothing changes is made once per process.
"""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import botocore.useragent
import moto.core.models
import moto.core.responses
import moto.core.utils
import moto.sqs.models
from botocore.client import ClientCreator
from botocore.loaders import JSONFileLoader, Loader, instance_cache
from botocore.model import ServiceModel

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

_Files: Any = JSONFileLoader  # its stub lacks the method that parses a file
_read = _Files._load_file
_model = Loader.load_service_model
_services_in = Loader.list_available_services
_Clients: Any = ClientCreator  # its stub lacks the methods that make a client's class
_new_methods = _Clients._create_methods
_new_names = _Clients._create_name_mapping


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


class _Extended(NamedTuple):
    """A model with its extras; ``sources`` are kept, because their identities are the key."""

    sources: list[Any]
    model: Any


_extended: dict[tuple[int, ...], _Extended] = {}
"""By the identities of what was parsed: a model, then its extras."""


@instance_cache  # as botocore's own
def _load_service_model(self: Any, service_name: str, type_name: str, api_version: str | None = None) -> Any:
    """Answer as botocore does. moto and folders on AWS_DATA_PATH add extras; the model without them stays as it is."""
    version = api_version or self.determine_latest_version(service_name, type_name)
    extras = list(self._find_extras(service_name, type_name, version))
    if not extras:
        return _model(self, service_name, type_name, api_version)
    sources = [self.load_data(str(Path(service_name, version, type_name))), *extras]
    key = tuple(map(id, sources))
    if key not in _extended:
        model, *more = copy.deepcopy(sources)
        self._extras_processor.process(model, more)
        _extended[key] = _Extended(sources, model)
    return _extended[key].model


@functools.cache
def _own_services(folder: str, type_name: str) -> list[str]:
    return list(_services_in(Loader(extra_search_paths=[folder], include_default_search_paths=False), type_name))


def _list_available_services(self: Any, type_name: str) -> list[str]:
    """List the services of all folders; those of botocore's own are looked up once."""
    own = Loader.BUILTIN_DATA_PATH
    others = [path for path in self.search_paths if path != own]
    found = set(_services_in(Loader(extra_search_paths=others, include_default_search_paths=False), type_name))
    return sorted(found.union(_own_services(own, type_name)) if own in self.search_paths else found)


class _Service(NamedTuple):
    """What botocore makes of a service's model; ``source`` is kept, because its identity is the key."""

    source: Any
    model: ServiceModel
    methods: dict[str, Any]
    names: dict[str, str]


_services: dict[tuple[int, str], _Service] = {}
"""By the identity of the parsed model and the service's name."""


def _service_model(self: Any, service_name: str, api_version: str | None = None) -> ServiceModel:
    """Return the model of a service, which keeps what it has read of itself; one with extras is the loader's own."""
    source = self._loader.load_service_model(service_name, "service-2", api_version=api_version)
    key = (id(source), service_name)
    if key not in _services:
        model = ServiceModel(source, service_name=service_name)
        _services[key] = _Service(source, model, _new_methods(self, model), _new_names(self, model))
    return _services[key].model


def _methods(self: Any, model: ServiceModel) -> dict[str, Any]:
    """Return the methods of a client's class; handlers may add to the mapping."""
    return dict(_made_of(model).methods)


def _names(self: Any, model: ServiceModel) -> dict[str, str]:
    return dict(_made_of(model).names)


def _made_of(model: ServiceModel) -> _Service:
    stub: Any = model  # its stub lacks what it was made of
    return _services[id(stub._service_description), model.service_name]


def apply() -> None:
    """Make each once from now on."""
    _Clients._load_service_model = _service_model
    _Clients._create_methods = _methods
    _Clients._create_name_mapping = _names
    _Files._load_file = _load_file
    Loader.load_service_model = _load_service_model  # type: ignore[method-assign]
    Loader.list_available_services = _list_available_services  # type: ignore[method-assign]
    once(moto.core.models, "CallbackResponse")
    once(botocore.useragent, "sanitize_user_agent_string_component")
    for module in (moto.core.utils, moto.core.responses, moto.sqs.models):
        once(module, "camelcase_to_underscores")


def once(module: ModuleType, name: str) -> None:
    """Keep what a function or class of a module answers to the same arguments."""
    setattr(module, name, functools.cache(getattr(module, name)))
