"""Orders to report a message to an organization's journaling address.

The station transmit carries them out beside ``TransmitOrder``: a journal report is a transmission whose bytes are made
from the message when it is sent (docs/decisions/0055). A flow whose message is reported has one order; a received
message that SES announces again with more recipients has one for each part of them.
"""

from __future__ import annotations

import hashlib
from typing import Literal

from pydantic import Field

from postroom.contracts.outbound_orders import SealedLocation
from postroom.contracts.stored import Order, RawLocation
from postroom.model.facts import EventName
from postroom.model.limits import MAX_RECIPIENTS


class JournalOrder(Order):
    """Report this message. All addresses are lower-case, with A-label domains."""

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
    raw: SealedLocation | RawLocation
    """The message as it was submitted or received."""
    size: int = Field(ge=0)
    since: int
    """When the message was submitted, or its flow opened: the time of retries begins."""

    @property
    def key(self) -> str:
        """Name it by its part."""
        return f"journal{self.part}"

    @property
    def end_key(self) -> str:
        """The key of the fact that ends it, whatever the fact: the report was sent, or it failed."""
        return f"{EventName.JOURNALING_INITIATED}{self.part}"

    @property
    def station(self) -> str:
        """A report is transmitted like other mail."""
        return "transmit"

    @property
    def group(self) -> str:
        """The organization's journal: it delays no mail."""
        return hashlib.sha256(f"{self.organization_id}\0journal".encode()).hexdigest()
