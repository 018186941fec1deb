"""What scheduled runs share: pages of the directory, and trouble with one thing that stops no other."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from postroom.errors import ConflictError, PostroomError
from postroom.model.directory import EntityKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postroom.ports.directory import Page

PAGE: Final = 100
"""Entities, domains or organizations read at a time. Ours."""

OWNERS: Final = (EntityKind.USER, EntityKind.RESOURCE)
"""Who has a mailbox; an entity's id is its mailbox's."""

T = TypeVar("T")


def pages(read: Callable[[str | None, int], Page[T]]) -> Iterator[T]:
    """Yield what a listing of the directory holds, page by page."""
    after, more = None, True
    while more:
        page = read(after, PAGE)
        yield from page.items
        after, more = page.last, page.last is not None


@contextmanager
def kept(troubles: list[PostroomError]) -> Iterator[None]:
    """Keep an error, and go on with what comes next; a conflict is none: another run or call was faster."""
    try:
        yield
    except ConflictError:
        return
    except PostroomError as error:
        troubles.append(error)
