"""Out-of-office replies: what the owner of a mailbox wants senders to be told, and when.

The record has the texts. The mailbox's head has only the time (``Away``), so that a delivery, which reads the head
anyway, knows without another read whether the message may get a reply; the record decides (docs/decisions/0057).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Final, Self

from postroom.model import html_text
from postroom.model.owned import Owned

MAX_TEXT_BYTES: Final = 64 * 1024
"""Longest text, in bytes of UTF-8; ours. A row has two, and 400 KB. A text that Outlook makes has some 5 KB."""

MAX_TIME_MS: Final = 253_402_300_800_000
"""The year 10000, in milliseconds since the epoch: times are before it. Ours; dates are written with four digits."""

FORMER_TEXT_CHARACTERS: Final = 8192
"""Longest text of the version that knew one for all senders."""


class State(StrEnum):
    """Whether replies are sent. Each member's comment is Microsoft's meaning, MS-OXWOOF 2.2.5.2."""

    DISABLED = "DISABLED"  # none
    ENABLED = "ENABLED"  # from now on, whatever times are set
    SCHEDULED = "SCHEDULED"  # in the time that is set


class Audience(StrEnum):
    """Which senders outside the organization get a reply. Each member's comment is Microsoft's, MS-OXWOOF 2.2.5.1."""

    NONE = "NONE"  # none
    KNOWN = "KNOWN"  # those in the contacts of the mailbox
    ALL = "ALL"  # all


@dataclass(frozen=True, slots=True)
class Away:
    """A time, in milliseconds since the epoch; without ``until_ms``, until it is taken back."""

    from_ms: int
    until_ms: int | None = None

    def holds_at(self, now_ms: int) -> bool:
        """Say whether a time is in it; its end is not."""
        return self.from_ms <= now_ms and (self.until_ms is None or now_ms < self.until_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplySettings:
    """What a user has set. Members are kept as they were set, also those without an effect.

    Attributes:
        inside: text for senders of the organization, HTML or plain, with any line ends; empty: they get no reply.
        outside: the same for all other senders.
        start_ms: milliseconds since the epoch; without it, a scheduled reply is sent from the moment it was set.
        end_ms: without it, a scheduled reply is sent until it is changed.
    """

    state: State
    audience: Audience
    inside: str = field(repr=False)
    outside: str = field(repr=False)
    start_ms: int | None = None
    end_ms: int | None = None

    def state_at(self, now_ms: int) -> State:
        """Return the state without times that have no effect any more: what is over is disabled."""
        if self.state is not State.SCHEDULED:
            return self.state
        if self.end_ms is not None:
            return State.SCHEDULED if now_ms < self.end_ms else State.DISABLED
        return State.ENABLED if self.start_ms is None or self.start_ms <= now_ms else State.SCHEDULED

    def text_for(self, *, insider: bool) -> str | None:
        """Return the text for a sender; empty if it says nothing, ``None`` if the sender is not of the audience.

        KNOWN has no sender outside: mailboxes have no contacts (ours).
        """
        if not insider and self.audience is not Audience.ALL:
            return None
        text = self.inside if insider else self.outside
        return text if html_text.says_something(text) else ""

    @property
    def depends_on_sender(self) -> bool:
        """Whether senders inside and outside are told different things."""
        return self.audience is not Audience.ALL or self.inside != self.outside


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfOffice(Owned):
    """The reply of one user.

    The version that knew one text for all senders reads ``text`` and its time alone. They say what everybody may be
    told: nothing, where senders outside get no reply (docs/decisions/0059). ``of`` makes them.

    Attributes:
        modified: milliseconds since the epoch.
        settings: what holds; ``None`` in a row of that version.
    """

    family: ClassVar[str] = "OUT_OF_OFFICE"
    user_id: str
    text: str = field(repr=False)
    from_ms: int
    until_ms: int | None = None
    modified: int
    settings: ReplySettings | None = None

    @classmethod
    def of(cls, organization_id: str, user_id: str, settings: ReplySettings, *, now: int) -> Self:
        """Return the record of settings that are set at a time, in milliseconds since the epoch."""
        away, text = _away(settings, now), settings.text_for(insider=False)
        told = away if text else None
        former = (html_text.plain(text) if html_text.is_html(text) else text) if told and text else ""
        return cls(
            organization_id=organization_id,
            user_id=user_id,
            text=former[:FORMER_TEXT_CHARACTERS],
            from_ms=told.from_ms if told else now,
            until_ms=told.until_ms if told else now,
            modified=now,
            settings=settings,
        )

    @property
    def key(self) -> str:
        """The user's id: each has at most one."""
        return self.user_id

    @property
    def set_as(self) -> ReplySettings:
        """What holds, also for a row of the former version."""
        return self.settings or ReplySettings(
            state=State.SCHEDULED,
            audience=Audience.ALL,
            inside=self.text,
            outside=self.text,
            start_ms=self.from_ms,
            end_ms=self.until_ms,
        )

    @property
    def away(self) -> Away | None:
        """When replies are sent, if they are."""
        return _away(self.set_as, self.modified)


def _away(settings: ReplySettings, modified: int) -> Away | None:
    if settings.state is State.DISABLED:
        return None
    if settings.state is State.ENABLED:
        return Away(modified)
    return Away(modified if settings.start_ms is None else settings.start_ms, settings.end_ms)
