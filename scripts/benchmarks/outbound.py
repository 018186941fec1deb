"""What a million messages to one recipient outside cost: every call of the functions, the copy in Sent Items included.

A user's day is counted, because the first message of a day takes recipients of the account's quota in advance, and some
later ones do: the figure is the average of the day's messages. Calls of KMS are counted by the minute, as for received
mail.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.bill import DECRYPTS, MILLION
from benchmarks.pipeline import DOMAIN, MESSAGE, pipeline
from benchmarks.prices import Unit, dollars
from postroom.model.journaling import Journaling

if TYPE_CHECKING:
    from collections.abc import Mapping


BUDGET: Final = 16.0
"""Dollars of a million messages, without SES's fee."""

BUDGET_JOURNALED: Final = 12.0
"""Dollars more with journaling."""

DAY: Final = 40
"""Messages that a user sends in a day. Ours."""

KEYS: Final = 2
"""Keys that submit reads: the mailbox's, and the day's key of transit."""

RECIPIENT: Final = "chris.martin@example.net"
JOURNAL: Final = "journal@archive.example"
REPORTS: Final = "postmaster@archive.example"


@dataclass(frozen=True, slots=True)
class OutboundBill:
    """What a message costs, on the average of a day: units by function, and calls of the whole day."""

    units: Mapping[tuple[str, Unit], float]
    calls: Mapping[tuple[str, str], int]

    @property
    def dollars(self) -> float:
        """For a million messages, without what SES charges for sending."""
        return sum(
            dollars(unit, count * MILLION) for (_, unit), count in self.units.items() if unit is not Unit.SES_SENT
        )

    def by_function(self) -> dict[str, float]:
        """Return the dollars of each function's calls, for a million messages."""
        found: dict[str, float] = {}
        for (function, unit), count in self.units.items():
            if unit is not Unit.SES_SENT:
                found[function] = found.get(function, 0.0) + dollars(unit, count * MILLION)
        return found

    def by_unit(self) -> dict[Unit, float]:
        """Return how many of each unit a message takes."""
        found: dict[Unit, float] = {}
        for (_, unit), count in self.units.items():
            found[unit] = found.get(unit, 0.0) + count
        return found


def count(*, journaled: bool = False, messages: int = DAY) -> OutboundBill:
    """Count the calls for the messages of one user's day, each to one recipient outside.

    Args:
        journaled: whether every message is reported to an address outside.

    Raises:
        LookupError: a call was made that has no price.
        RuntimeError: a function failed, or a message did not leave.
    """
    with pipeline() as stations:
        journaling = Journaling(JOURNAL, REPORTS, f"amazonjournaling@{DOMAIN}") if journaled else None
        stations.keep_rules([], journaling)
        stations.stack.client("ses").verify_domain_identity(Domain=DOMAIN)
        other = stations.add_mailbox("grace.green").id
        stations.submit(other, RECIPIENT, message("grace.green", 0), "0")  # fills what functions keep
        author = stations.add_mailbox("ann.archer").id
        stations.clear()
        for number in range(messages):
            stations.submit(author, RECIPIENT, message("ann.archer", number), str(number))
        sent = stations.meter.calls["TransmitFunction", "SendEmail"]
        if sent != messages * (1 + journaled):
            raise RuntimeError(f"SES was asked {sent} times for {messages} messages")
        units = {place: number / messages for place, number in stations.meter.units.items() if place[1] is not Unit.KMS}
        units["SubmitFunction", Unit.KMS] = KEYS * DECRYPTS
        units["TransmitFunction", Unit.KMS] = DECRYPTS
        return OutboundBill(units, dict(stations.meter.calls))


def message(author: str, number: int) -> bytes:
    """Return a message as a mail client submits it, with the body of the inbound one."""
    block, _, body = MESSAGE.partition(b"\r\n\r\n")
    content_type = block[block.lower().index(b"\r\ncontent-type:") + 2 :].split(b"\r\n")[0]
    fields = (
        f"From: {author.title()} <{author}@{DOMAIN}>",
        f"To: {RECIPIENT}",
        f"Subject: The minutes of our meeting {number}",
        "Date: Tue, 24 Nov 2026 12:00:00 +0000",
        f"Message-ID: <{uuid.UUID(int=number)}@{DOMAIN}>",
        "MIME-Version: 1.0",
    )
    return b"\r\n".join([*(each.encode() for each in fields), content_type, b"", body])
