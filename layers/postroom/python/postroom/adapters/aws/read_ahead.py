"""Calls that run ahead in threads while their results are used in order: a GET takes 20 ms on AWS."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

T = TypeVar("T")
R = TypeVar("R")


def ahead(do: Callable[[T], R], things: Iterable[tuple[T, int]], *, threads: int, most_bytes: int) -> Iterator[R]:
    """Yield ``do(thing)`` for each thing, in order.

    Args:
        do: called in threads, for at most twice as many things as there are threads before the first is used.
        things: each with the bytes that its result holds, more or less.
        threads: how many.
        most_bytes: most bytes of all results that wait for their use; a larger one waits alone.

    Raises:
        Whatever ``do`` raises, in its thing's place; calls that have not begun are dropped then.
    """
    waiting: deque[tuple[Future[R], int]] = deque()
    held = 0

    def first() -> R:
        """Return the first result; nothing here keeps it while it is used."""
        nonlocal held
        found, freed = waiting.popleft()
        held -= freed
        return found.result()

    pool = ThreadPoolExecutor(threads, thread_name_prefix="ahead")
    try:
        for thing, size in things:
            while waiting and (held + size > most_bytes or len(waiting) >= 2 * threads):
                yield first()
            waiting.append((pool.submit(do, thing), size))
            held += size
        while waiting:
            yield first()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
