"""A scenario of the fault walk, and the words in which its table says how recipients end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.faults.evidence import State
from tests.support.pipeline import STATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.faults.harness import Harness
    from tests.support.pipeline import Pipeline

ALL: Final = frozenset(function for _, function in STATIONS)
PROJECTED: Final = ALL | {"record_events", "retry_events"}


@dataclass(frozen=True, slots=True)
class End:
    """The final state of one recipient of a message; ``folder`` if it is delivered."""

    message: str
    recipient: str
    state: str
    folder: str = "INBOX"

    @property
    def place(self) -> State:
        return State(self.message, self.recipient, self.state)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A sequence of events, and the state of every recipient after it.

    Attributes:
        play: sends messages and does what operators do.
        struck: functions whose calls go wrong. ``operator`` is the person at the command line.
        received: envelope recipients by message.
        ends: the final states.
        people: sets the directory up.
        functions: those that run; what they send to another function stays in its queue.
        retired: messages whose raw object the sweep has removed at the end.
        erased: whether the organization is deleted, so that nothing of it may be left.
    """

    name: str
    play: Callable[[Harness], None]
    struck: frozenset[str]
    received: Mapping[str, tuple[str, ...]]
    ends: tuple[End, ...]
    people: Callable[[Pipeline], None]
    functions: frozenset[str] = ALL
    retired: frozenset[str] = field(default_factory=frozenset)
    erased: bool = False
    audited: bool = False
    """Whether every delivery has a record in three destinations."""
    exported: str = ""
    """The state of a mailbox export; empty where none is started."""
    imported: tuple[bytes, ...] = ()
    """The contents that an import enters into a mailbox, once each."""
    calendars: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    """By mailbox the objects of its calendar, each with lines that it must have."""


TOLD: Final = (End("m1", "the sender", "told"),)


def delivered(name: str, *recipients: str, folder: str = "INBOX") -> tuple[End, ...]:
    """Return the ends of recipients to whom a message is delivered."""
    return tuple(End(name, each, "delivered", folder) for each in recipients)


def ended(state: str, name: str, *recipients: str) -> tuple[End, ...]:
    """Return the ends of recipients in any other state."""
    return tuple(End(name, each, state) for each in recipients)


def to(*recipients: str) -> Mapping[str, tuple[str, ...]]:
    """Return the envelope recipients of the message m1."""
    return {"m1": recipients}


INGEST: Final = frozenset({"ingest"})
DELIVER: Final = frozenset({"deliver"})
SYNC: Final = frozenset({"run_sync_rule"})
DELETION: Final = frozenset({"delete_organizations"})
CALENDARS: Final = frozenset({"update_calendar"})
ASYNC: Final = frozenset({"run_async_rule"})
GROUP_ENDS: Final = (*delivered("m1", "ann", "ben"), *ended("skipped", "m1", "dan"))
MIXED: Final = ("ann@acme.test", "group@acme.test", "nobody@acme.test")
MIXED_ENDS: Final = (*GROUP_ENDS, *ended("bounced", "m1", "nobody@acme.test"), *TOLD)
DAY: Final = 24 * 3_600_000
"""In milliseconds: how long SES takes a SendBounce for a message."""
