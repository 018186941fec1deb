"""Sends open entries to their stations again, or parks them; leaves those that a queue still holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from postroom.contracts.expansions import Expansion
from postroom.contracts.stored import MOST_SWEEPS
from postroom.model.limits import DAY_MS
from postroom.parking.parking import station_of
from postroom.parking.redrive import send_again
from postroom.ports.transit import Commit, Settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.parking.parking import Parking
    from postroom.ports.queues import Backlogs, Queues
    from postroom.ports.transit import Transit
    from postroom.ports.transit_scans import OpenEntry, TransitScans

BACKLOG_MESSAGES: Final = 100
"""Messages of a queue from which it is behind: what has no end may still be among them. Stations take as many within
seconds. Ours."""

LONGEST_BACKLOG_MS: Final = DAY_MS
"""Milliseconds after which an open entry is sent again though its queue is behind: it may be lost. Ours."""


class Done(StrEnum):
    """What became of an open entry."""

    SENT = "sent"
    PARKED = "parked"
    WAITING = "waiting"  # its queue is behind
    ENDED = "ended"  # its station stopped; it cannot be sent again


@dataclass(frozen=True, slots=True)
class SendingAgain:
    """Of one sweep: each queue is asked for its backlog once. ``now`` gives milliseconds since the epoch."""

    parking: Parking
    queues: Queues
    transit: Transit
    scans: TransitScans
    backlogs: Backlogs
    now: Callable[[], int]
    _behind: dict[str, bool] = field(default_factory=dict)

    def take(self, found: OpenEntry) -> Done:
        """Send an open entry to its station again, or park it when that has not helped."""
        entry = found.entry
        if not isinstance(entry, Expansion) and (stopped := entry.stopped(self.now())) is not None:
            self.transit.commit(Commit([Settle(entry)], [stopped]))
            return Done.ENDED
        if self.may_wait(station_of(entry), found.since_ms):
            return Done.WAITING
        if stuck := is_stuck(found):
            cause = f"still open after it was sent again {found.sweeps} times"
            self.parking.give_up(entry, cause)
        else:
            send_again(self.queues, entry)
        self.scans.sent_again(found, self.now())
        return Done.PARKED if stuck else Done.SENT

    def may_wait(self, station: str, since_ms: int) -> bool:
        """Say whether what is open since a time may still be in its station's queue, because that is behind."""
        if self.now() - since_ms >= LONGEST_BACKLOG_MS:
            return False
        if station not in self._behind:
            self._behind[station] = self.backlogs.messages(station) >= BACKLOG_MESSAGES
        return self._behind[station]


def is_stuck(found: OpenEntry) -> bool:
    """Say whether sending an open entry again has not helped."""
    return found.sweeps >= (MOST_SWEEPS if isinstance(found.entry, Expansion) else found.entry.most_sweeps)
