"""Callers of the local stack's API where no emulator knows any: every request is signed by the account's root."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.api.callers import Callers

if TYPE_CHECKING:
    from local.functions.function import Function


class _NoFunctions:
    functions: list[Function] = []  # noqa: RUF012 - it stays empty


nothing: Any = None
ROOT_ONLY = Callers(_NoFunctions(), nothing)  # type: ignore[arg-type]
