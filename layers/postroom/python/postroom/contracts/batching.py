"""Batches within limits of number and size, as calls and objects have them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")


def batched(items: Iterable[T], most: int) -> Iterator[list[T]]:
    """Divide items into batches of a number, in their order; each is taken when it is needed.

    As ``itertools.batched``, which Python has from 3.12 on.
    """
    rest = iter(items)
    while batch := list(islice(rest, most)):
        yield batch


def batches(
    items: Iterable[T], bytes_of: Callable[[T], int], *, max_bytes: int, max_items: int | None = None
) -> Iterator[list[T]]:
    """Divide items into batches, in their order; none is left out.

    Args:
        items: any number.
        bytes_of: returns the size of an item in its batch.
        max_bytes: most bytes of a batch; an item with more is a batch of its own.
        max_items: most items of a batch; None for any number.
    """
    batch: list[T] = []
    size = 0
    for item in items:
        more = bytes_of(item)
        if batch and (len(batch) == max_items or size + more > max_bytes):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += more
    if batch:
        yield batch
