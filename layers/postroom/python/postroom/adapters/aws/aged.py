"""What was read once and may be answered again until it is too old."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MAX_KEPT: Final = 1_000
"""Most keys that are kept; then all are read anew. Ours."""


class Aged(Generic[T]):
    """Keeps what ``read`` returned for a key for ``age_s`` seconds.

    The age counts from before the read. A read that fails raises its error, however young an older answer is, and
    changes nothing of what is kept. One thread reads at a time; the others wait and get what it read.
    """

    def __init__(self, read: Callable[[str], T], age_s: float, monotonic: Callable[[], float]) -> None:
        self._read = read
        self._age_s = age_s
        self._monotonic = monotonic
        self._known: dict[str, tuple[float, T]] = {}
        self._reading = Lock()

    def get(self, key: str, *, age_s: float | None = None) -> T:
        """Return what is known of a key, read less than ``age_s`` seconds ago; None: the age for all."""
        oldest_s = self._age_s if age_s is None else age_s
        with self._reading:
            now = self._monotonic()
            since, value = self._known.get(key, (None, None))
            if since is not None and now - since < oldest_s:
                return value  # type: ignore[return-value]  # None stands for an absent entry only
            found = self._read(key)
            if key not in self._known and len(self._known) >= MAX_KEPT:
                self._known.clear()
            self._known[key] = (now, found)
            return found
