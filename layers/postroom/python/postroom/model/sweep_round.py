"""Rounds through stored mail: which messages a sweep looks at, and when it is behind.

S3 lists objects by key, and SES's keys are random. So sweeps go through all keys in rounds of ``ROUND_MS``; each goes
on where the one before stopped. Where little is stored, every sweep is a round.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import Final

from postroom.model.limits import DAY_MS

INBOUND: Final = "inbound/"
"""Where SES stores mail."""

TRANSIT: Final = "transit/"
"""Where our objects for messages in transit are; behind ``INBOUND`` in the order of keys."""

ROUND_MS: Final = DAY_MS
"""Milliseconds in which sweeps look at all stored mail, where one does not reach. Ours."""

TRANSIT_SHARE: Final = 0.02
"""Share of a round for the objects under ``TRANSIT``: few messages have any. Ours."""

_CHARACTERS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
"""What SES's message ids, and traces, are made of, in the order of keys."""

_DEPTH: Final = 4
"""Characters of a name that its place is computed from: 36 ** 4 places are more than pages of a round."""

LONGEST_ASKED_MS: Final = 2 * DAY_MS
"""Age up to which messages are asked for their flows, in milliseconds: what has made trouble for longer is asked again
when it might be removed. Ours."""


@dataclass(frozen=True, slots=True)
class Round:
    """A place in a round. All times are in milliseconds since the epoch.

    Attributes:
        number: of the round, from 0.
        after: key behind which the next look begins.
        due_ms: when this place was due; before the present time: the sweeps are behind.
        began_ms: when this round began.
        asked_ms: messages stored until this time were asked for their flows in earlier rounds.
        left_ms: messages stored until this time were decided about where this round has looked at them.
    """

    number: int
    after: str
    due_ms: int
    began_ms: int
    asked_ms: int
    left_ms: int

    @classmethod
    def first(cls, now: int) -> Round:
        """Return the beginning of a stack's first round."""
        return cls(0, INBOUND, now, now, now - LONGEST_ASKED_MS, now)

    def begun(self, now: int) -> Round:
        """Return the place as of the present time: a round begins with its first look."""
        return replace(self, began_ms=now) if self.after == INBOUND else self

    @property
    def prefix(self) -> str:
        """What the keys of the next look begin with."""
        return TRANSIT if self.after.startswith(TRANSIT) else INBOUND

    @property
    def share(self) -> float:
        """How much of the round is behind this place: from 0 to 1."""
        part = _share(self.after.removeprefix(self.prefix))
        if self.prefix == INBOUND:
            return part * (1 - TRANSIT_SHARE)
        return 1 - TRANSIT_SHARE + part * TRANSIT_SHARE

    def passed(self, last: str | None, *, now: int, open_too_long_ms: int) -> Round:
        """Return the place behind a page.

        Args:
            last: key of the page's last object; ``None`` if nothing of this prefix follows.
            open_too_long_ms: age from which a message is asked for its flow.
        """
        if last is None and self.prefix == TRANSIT:
            asked = min(self.began_ms - open_too_long_ms, max(self.left_ms, now - LONGEST_ASKED_MS))
            due_ms = self._due(1)
            return Round(self.number + 1, INBOUND, due_ms, began_ms=now, asked_ms=asked, left_ms=now)
        at = replace(self, after=TRANSIT if last is None else last)
        return replace(at, due_ms=self._due(at.share))

    def _due(self, share: float) -> int:
        return self.due_ms + round(ROUND_MS * (share - self.share))


def _share(name: str) -> float:
    """Return the share of all names that come before one; names of other characters count as the next one of ours."""
    share, width = 0.0, 1.0
    for character in name[:_DEPTH]:
        place, width = bisect_left(_CHARACTERS, character), width / len(_CHARACTERS)
        share += place * width
        if place == len(_CHARACTERS) or _CHARACTERS[place] != character:
            break
    return share
