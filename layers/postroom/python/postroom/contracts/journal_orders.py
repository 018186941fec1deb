"""Orders to report a message to an organization's journaling address.

The station transmit carries them out beside ``TransmitOrder``: a journal report is a transmission whose bytes are made
from the message when it is sent (docs/decisions/0055). A flow whose message is reported has one order; a received
message that SES announces again with more recipients has one for each part of them.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from postroom.contracts.base import Kept
from postroom.contracts.outbound_orders import SealedLocation
from postroom.contracts.stored import Order, RawLocation
from postroom.model.facts import EventName, OwnFact
from postroom.model.limits import MAX_RECIPIENTS

if TYPE_CHECKING:
    from collections.abc import Mapping


class JournalFailure(Kept):
    """Why a report failed. ``status``: enhanced status code (RFC 3463)."""

    status: str
    reason: str
    at: int


class JournalOrder(Order):
    """Report this message, or tell that its report failed. Domains are A-labels.

    Local parts are as they were written: of the addresses that get reports, and of recipients outside.
    """

    says = "an order to report to the journal"

    kind: Literal["JOURNAL"] = "JOURNAL"
    part: str = ""
    """What keys of facts end with, where recipients are added to a flow; else empty."""
    address: str
    """The journaling address."""
    report_address: str
    """Told if the report fails."""
    author: str
    """The report's From."""
    submitted: bool
    """A user of the organization sent the message; else it came from outside."""
    envelope_from: str
    """Of the message; empty for a null sender."""
    recipients: tuple[str, ...] = Field(max_length=MAX_RECIPIENTS)
    """The envelope recipients; groups are not expanded."""
    domains: tuple[str, ...]
    """Those of the recipients' domains that are the organization's: they may have groups."""
    raw: SealedLocation | RawLocation | None
    """The message as it was submitted or received; ``None`` for a notice without it."""
    size: int = Field(ge=0)
    since: int
    """When the message was submitted, or its flow opened; of a notice, when it was ordered: the time of retries."""
    failure: JournalFailure | None = None
    """The report failed so, and the report address is told."""

    @property
    def to(self) -> str:
        """The address that gets the report, or the notice."""
        return self.address if self.failure is None else self.report_address

    @property
    def key(self) -> str:
        """Name it by its part."""
        return f"{'journal' if self.failure is None else 'journal-notice'}{self.part}"

    @property
    def end_key(self) -> str:
        """The key of the fact that ends it, whatever the fact: it was sent, or it failed."""
        name = EventName.JOURNALING_INITIATED if self.failure is None else OwnFact.JOURNAL_NOTICE_SENT
        return f"{name}{self.part}"

    @property
    def ends(self) -> Mapping[str, str]:
        """Of its one recipient, as ``TransmitOrder`` has it."""
        return {self.to: self.end_key}

    @property
    def station(self) -> str:
        """A report is transmitted like other mail."""
        return "transmit"

    @property
    def group(self) -> str:
        """The organization's journal: it delays no mail."""
        return hashlib.sha256(f"{self.organization_id}\0journal".encode()).hexdigest()
