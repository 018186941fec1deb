"""Replies of mailboxes on their way out: into a mailbox of the organization at once, or as a submission of our own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from postroom.contracts.stored import RawLocation
from postroom.errors import SubmissionRefusedError
from postroom.model.addresses import Address
from postroom.model.facts import reply_trace
from postroom.ports.replies import Departure
from postroom.routing.journal import journal_orders
from postroom.routing.own_mail import not_sent
from postroom.routing.plan import Flow
from postroom.submission.own import OwnSubmission

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.ports.replies import Reply
    from postroom.routing.own_mail import OwnMail
    from postroom.submission.own import OwnSubmissions


@dataclass(frozen=True, slots=True)
class MailboxReplies:
    """Implements ``Replies``. Outbound rules decide about replies that are no mailbox's of the organization.

    No reply bounces: its envelope sender is the null sender (RFC 3834 3.3).

    Attributes:
        now: returns milliseconds since the epoch.
    """

    inside: OwnMail
    submissions: OwnSubmissions
    now: Callable[[], int]

    def depart(self, reply: Reply) -> Departure:
        """Open an inbound flow for a mailbox of the organization, an outbound one for any other recipient."""
        opened = self.inside.depart(reply)
        if opened is not None:
            return self._journaled(reply, opened)
        own = OwnSubmission(
            organization_id=reply.organization_id,
            trace=reply_trace(reply.trace, reply.mailbox_id),
            caused_by=reply.trace,
            mailbox_id=reply.mailbox_id,
            content=reply.content,
            recipients=(reply.to,),
        )
        try:
            return self.submissions.depart(own)
        except SubmissionRefusedError as error:
            fact = not_sent(reply.trace, reply.organization_id, reply.mailbox_id, str(error), self.now())
            return Departure(None, [fact], [])

    def _journaled(self, reply: Reply, opened: Departure) -> Departure:
        """Return a departure with the order to report it to the journal, if there is one."""
        author, to = Address.parse(reply.author), Address.parse(reply.to)
        journaling = self.submissions.journaling(reply.organization_id, author.domain) if author and to else None
        if opened.trace is None or to is None or journaling is None:
            return opened
        now, size = self.now(), len(reply.content)
        raw = RawLocation(**opened.facts[0].data["raw"])
        flow = Flow(opened.trace, reply.organization_id, "", raw, size, now, now)
        orders = journal_orders(journaling, flow, {str(to): to}, {to.domain}, submitted=True)
        return replace(opened, orders=[*opened.orders, *orders])
