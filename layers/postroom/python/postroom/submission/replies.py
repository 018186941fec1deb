"""Replies of mailboxes on their way out: into a mailbox of the organization at once, or as a submission of our own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.errors import SubmissionRefusedError
from postroom.model.facts import reply_trace
from postroom.ports.replies import Departure
from postroom.routing.own_mail import not_sent
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
            return opened
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
