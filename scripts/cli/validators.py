"""Typer's validators, made when they are needed.

typer (0.29) makes a pydantic validator for each argument and option of a command before it runs, also for text and for
options that were not given. Importing pydantic and making them takes a quarter of a command's start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typer import core
from typer._coercion import RuntimeParam, build_runtime_param

if TYPE_CHECKING:
    from typer._click import Context


class _WhenNeeded(RuntimeParam):
    """Checks one argument or option: text, lists of texts and missing values need no check; the rest is typer's."""

    def _coerce_value(self, value: Any, param: Any, ctx: Context) -> Any:
        if isinstance(value, str) and self.annotation is str:
            return value
        if isinstance(value, tuple) and self.annotation == list[str] and all(isinstance(each, str) for each in value):
            return list(value)
        return build_runtime_param(param.type_descriptor).coerce(value, param=param, ctx=ctx)


def _when_needed(parameter: Any) -> RuntimeParam:
    described = parameter.type_descriptor
    return _WhenNeeded(described.parameter_info, described.annotation)


def make_when_needed() -> None:
    """Apply this to every command of the process; tests/unit/cli/test_startup.py checks that it still works."""
    core._TyperParameter.get_runtime_param = _when_needed  # type: ignore[assignment,method-assign]  # noqa: SLF001  no other way
