"""What makes a test's own AWS cheap, without changing what it sees.

Most tests have an empty account and clients of their own. Nearly all that this costs is making the same things again:
the service models that every botocore session parses, the URL patterns that moto gives the `responses` library for
each of its mocks, names in moto's spelling, and, in every call, the parts of the user agent. Nothing changes them, so
each is made once per process.
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
from botocore.loaders import JSONFileLoader

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

_Loader: Any = JSONFileLoader  # its stub leaves out where a file is parsed
_read = _Loader._load_file


@functools.cache
def _parsed(path: str, opened_by: Callable[..., Any], modified_ns: int, size_bytes: int) -> Any:
    """Return a service model; a file that a test has changed is another one."""
    return _read(_Loader(), path, opened_by)


def _load_file(_: JSONFileLoader, full_path: str, open_method: Callable[..., Any]) -> Any:
    try:
        found = Path(full_path).stat()
    except OSError:
        return None
    return _parsed(full_path, open_method, found.st_mtime_ns, found.st_size)


def apply() -> None:
    """Make each once from now on."""
    _Loader._load_file = _load_file
    once(moto.core.models, "CallbackResponse")
    once(botocore.useragent, "sanitize_user_agent_string_component")
    for module in (moto.core.utils, moto.core.responses, moto.sqs.models):
        once(module, "camelcase_to_underscores")


def once(module: ModuleType, name: str) -> None:
    """Keep what a function or class of a module answers to the same arguments."""
    setattr(module, name, functools.cache(getattr(module, name)))
