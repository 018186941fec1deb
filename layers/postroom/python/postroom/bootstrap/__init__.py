"""Wiring: one module a function, with that function's settings and its parts; nothing else.

What a function makes while it starts stays for its life, and Python's collector would look through all of it dozens of
times and find nothing: a seventh of every start. So it waits from the first import of this package until the function
is built, which ``ready`` marks (docs/decisions/0012).
"""

from __future__ import annotations

import functools
import gc
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")

STARTING: Final = 1_000_000
"""New objects before a collection while a function starts: more than any start makes. Ours."""

_USUAL: Final = gc.get_threshold()

gc.set_threshold(STARTING)


def ready(build: Callable[P, T]) -> Callable[P, T]:
    """Mark the end of a function's start: when ``build`` returns or fails, garbage is collected as usual.

    What was made until then is set aside first, or the next collection would go through it after all. Once a process:
    tests build functions by the hundred, and what they leave must go.
    """

    @functools.wraps(build)
    def built(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return build(*args, **kwargs)
        finally:
            if gc.get_threshold()[0] == STARTING:
                gc.freeze()
                gc.set_threshold(*_USUAL)

    return built
