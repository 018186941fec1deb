"""Answers that mailboxes give by themselves, on their way out: the one port through which they leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.contracts.orders import Order
    from postroom.model.facts import Fact


@dataclass(frozen=True, slots=True)
class Reply:
    """One message to one recipient.

    Attributes:
        trace: of the flow that caused it.
        mailbox_id: the mailbox that answers.
        author: its address; From of the message.
        to: its local part as the sender wrote it (RFC 5321, 2.4), its domain in A-labels.
        subject: as in the message, decoded.
        message_id: value of its Message-ID field.
        content: the message, RFC 5322 bytes with CRLF.
    """

    trace: str
    organization_id: str
    mailbox_id: str
    author: str
    to: str
    subject: str
    message_id: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Departure:
    """What the transaction writes that decides about a reply; its orders are sent afterwards.

    Attributes:
        trace: of the reply's own flow; ``None`` if it is not sent: then one of the facts says why.
    """

    trace: str | None
    facts: Sequence[Fact]
    orders: Sequence[Order]


class Replies(Protocol):
    """Suite: tests/contract/test_replies.py."""

    def depart(self, reply: Reply) -> Departure:
        """Keep a reply's bytes, and return what makes it leave.

        Nothing leaves until the caller has committed the departure; it may prepare another one instead.

        Raises:
            StoreUnavailableError: a table or the store did not answer; a retry may succeed.
        """
