"""Scheduled runs: time left, and errors that do not stop a run."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postroom.errors import ConflictError, PostroomError
from postroom.model.limits import RESERVE_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class Run:
    """One scheduled run.

    Attributes:
        remaining_ms: returns the milliseconds until the function is stopped.
        errors: what went wrong so far, oldest first.
    """

    remaining_ms: Callable[[], int]
    errors: list[PostroomError] = field(default_factory=list)

    def has_time(self) -> bool:
        """Say whether the run may begin another step."""
        return self.remaining_ms() >= RESERVE_MS

    def keep(self, error: PostroomError) -> None:
        """Keep an error, so that the run continues; a conflict is dropped: another writer was faster."""
        if not isinstance(error, ConflictError):
            self.errors.append(error)

    @contextmanager
    def keep_errors(self) -> Iterator[None]:
        """Keep an error of the block, as ``keep`` does."""
        try:
            yield
        except PostroomError as error:
            self.keep(error)

    def result(self, counts: dict[str, int]) -> dict[str, int]:
        """Return the counts of a run that kept no error.

        Raises:
            PostroomError: the first error that the run kept; its alarm depends on it.
        """
        if self.errors:
            raise self.errors[0]
        return counts
