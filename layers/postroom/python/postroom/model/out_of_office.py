"""Out-of-office replies: what the owner of a mailbox wants senders to be told, and when.

The record has the text. The mailbox's head has only the time (``Away``), so that a delivery, which reads the head
anyway, knows without another read whether the message may get a reply; the record decides (docs/decisions/0057).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from postroom.model.owned import Owned


@dataclass(frozen=True, slots=True)
class Away:
    """A time, in milliseconds since the epoch; without ``until_ms``, until it is taken back."""

    from_ms: int
    until_ms: int | None = None

    def holds_at(self, now_ms: int) -> bool:
        """Say whether a time is in it; its end is not."""
        return self.from_ms <= now_ms and (self.until_ms is None or now_ms < self.until_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfOffice(Owned):
    """The reply of one user.

    Attributes:
        text: of the reply, with any line ends.
        modified: milliseconds since the epoch.
    """

    family: ClassVar[str] = "OUT_OF_OFFICE"
    user_id: str
    text: str
    from_ms: int
    until_ms: int | None = None
    modified: int

    @property
    def key(self) -> str:
        """The user's id: each has at most one."""
        return self.user_id

    @property
    def away(self) -> Away:
        """When the reply is sent."""
        return Away(self.from_ms, self.until_ms)
