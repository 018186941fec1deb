"""The file of `--env-vars`, in sam's own format: variables for one function each, and for all of them.

    {"Parameters": {"NAME": "for every function"}, "<logical id or function name>": {"NAME": "for this one"}}

Source: AWS, "sam local invoke", --env-vars; values become text as sam makes them. Ours: sam leaves out variables that
the template does not name, here a function gets every variable it is given.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from local.functions.function import Function

_ALL_FUNCTIONS: Final = "Parameters"


class EnvVars:
    """The content of the file; empty if there is no file."""

    def __init__(self, path: Path | None) -> None:
        """Read it.

        Raises:
            UsageError: it cannot be read, or is not of that format.
        """
        self._path = path
        self._given: dict[str, dict[str, str]] = {} if path is None else _read(path)

    def of(self, function: Function) -> dict[str, str]:
        """Return a function's variables; its own win over those for all."""
        given = self._given
        return {
            **given.get(_ALL_FUNCTIONS, {}),
            **given.get(function.name, {}),
            **given.get(function.logical_id, {}),
        }

    def unused(self, functions: Iterable[Function]) -> list[str]:
        """Return names in the file that no function has."""
        known = {name for function in functions for name in (function.name, function.logical_id)}
        return sorted(set(self._given) - known - {_ALL_FUNCTIONS})


def _read(path: Path) -> dict[str, dict[str, str]]:
    try:
        given = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"--env-vars {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--env-vars {path}: not JSON: {error}") from error
    if not isinstance(given, dict) or not all(isinstance(each, dict) for each in given.values()):
        raise UsageError(f'--env-vars {path}: not of the form {{"FunctionName": {{"NAME": "value"}}}}')
    return {function: _texts(path, function, variables) for function, variables in given.items()}


def _texts(path: Path, function: str, variables: Mapping[str, Any]) -> dict[str, str]:
    return texts(f"{path}: {function}", {name: "" if value is None else value for name, value in variables.items()})


def texts(where: str, variables: Mapping[str, Any]) -> dict[str, str]:
    """Return variables with their values as text, as sam and CloudFormation make it.

    Args:
        where: begins the error.
        variables: by name; values as JSON and YAML have them.

    Raises:
        UsageError: it names those that no process can have: structures, nothing, NUL, half characters.
    """
    found = {str(name): as_text(value) for name, value in variables.items()}
    wrong = [name for name, text in found.items() if text is None or not _is_variable(name, text)]
    if wrong:
        raise UsageError(f"{where}: {', '.join(wrong)} cannot be an environment variable")
    return {name: text for name, text in found.items() if text is not None}


def _is_variable(name: str, text: str) -> bool:
    try:
        encoded = f"{name}{text}".encode()
    except UnicodeEncodeError:
        return False
    return b"\0" not in encoded and "=" not in name and bool(name)


def as_text(value: Any) -> str | None:
    """Return a value of JSON or YAML as text, as CloudFormation makes it; None for what has none."""
    if value is None or isinstance(value, dict | list):
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
