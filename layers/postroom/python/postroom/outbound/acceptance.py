"""What the queue of accept_outbound brings: large submissions, and orders to reply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.contracts.reply_orders import ReplyOrder

if TYPE_CHECKING:
    from postroom.outbound.accept_outbound import AcceptOutbound
    from postroom.outbound.reply import OutOfOfficeReplies


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Both kinds of work of one station."""

    submissions: AcceptOutbound
    replies: OutOfOfficeReplies

    def accept(self, body: str) -> None:
        """Carry out one order.

        Args:
            body: the SQS message's body.

        Raises:
            TemporaryError: give it back to the queue.
            InvalidNotificationError: it is no order; after some attempts park reads it.
        """
        order = ReplyOrder.read_if_own(body)
        if order is not None:
            self.replies.accept(order)
        else:
            self.submissions.accept(body)
