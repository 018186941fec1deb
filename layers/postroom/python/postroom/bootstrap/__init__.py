"""Wiring: one module per function, which connects its station to adapters and settings and decides nothing.

A module defines the following; a docstring says only what differs from it:

- ``<Function>Settings``: the variables that template.yaml gives the function;
- ``build(settings)``: returns the station, or what else answers the function's events;
- ``batch(settings, logger)``, where the function reads a queue: returns the loop over a batch of messages.

Objects made while a function starts live as long as the function. Python's garbage collector would look through all of
them dozens of times and free none, which takes a seventh of a start. So it does not run from the first import of this
package until the function is built, which ``ready`` marks (docs/decisions/0012).
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
"""Number of new objects before a collection while a function starts: more than any start makes. Ours."""

_USUAL: Final = gc.get_threshold()

gc.set_threshold(STARTING)


def ready(build: Callable[P, T]) -> Callable[P, T]:
    """Mark the end of a function's start: when ``build`` returns or fails, garbage is collected as usual.

    Objects made until then are frozen first; otherwise the next collection would look through them after all. This
    happens once per process: tests build hundreds of functions, and what these leave must be collected.
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
