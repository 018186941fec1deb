"""Counts the calls of ports, and does something at one of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Calls:
    """The calls of all ports that ``around`` was given.

    Attributes:
        at: number of the call.
        after: whether the call is made before that is done.
    """

    at: int = -1
    after: bool = False
    do: Callable[[], None] = lambda: None
    count: int = 0
    names: list[str] = field(default_factory=list)

    def around(self, port: str, behind: Any) -> Any:
        calls = self

        class Port:
            def __getattr__(self, name: str) -> Any:
                method = getattr(behind, name)

                def call(*args: Any, **kwargs: Any) -> Any:
                    number, calls.count = calls.count, calls.count + 1
                    calls.names.append(f"{port}.{name}")
                    if number == calls.at and not calls.after:
                        calls.do()
                    made = method(*args, **kwargs)
                    if number == calls.at and calls.after:
                        calls.do()
                    return made

                return call

        return Port()
