"""Orders to send a sender a mailbox's out-of-office reply."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from postroom.contracts.stored import Order, RawLocation


class ReplyOrder(Order):
    """A message was delivered to a mailbox whose owner may be away: its sender may get a reply.

    One per flow and mailbox. The members are those of the delivery.
    """

    says = "an order to reply"

    kind: Literal["REPLY"] = "REPLY"
    mailbox_id: str
    recipient: str
    """The mailbox's own address."""
    envelope_from: str
    """Never empty: the null sender gets no reply."""
    raw: RawLocation
    size: int = Field(ge=0)
    received_at: int

    @property
    def key(self) -> str:
        """Name it by its mailbox."""
        return f"reply:{self.mailbox_id}"

    @property
    def station(self) -> str:
        """It begins a submission, and waits for nothing: the queue of large submissions is nearly always empty."""
        return "accept_outbound"

    @property
    def group(self) -> str:
        """The mailbox."""
        return self.mailbox_id
