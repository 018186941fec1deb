"""Messages that Postroom itself sends: automatic replies, answers of resources, reports.

They have no copy in Sent Items and count towards no quota (ours). The caller commits what makes one leave in its own
transaction, so that it leaves exactly once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from postroom.contracts.event_log import OutgoingEmailSubmitted
from postroom.mime.headers import Headers
from postroom.model.directory import newest_rules
from postroom.model.facts import SUBMITTED, EventName, flow_message_id
from postroom.ports.raw_mail import keep_beside
from postroom.ports.replies import Departure
from postroom.routing.outbound_flow import OutboundFlow
from postroom.submission.decide import OutboundSettings, decide
from postroom.submission.domains import own_domains
from postroom.submission.recipients import named, recipients_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.model.journaling import Journaling
    from postroom.ports.directory import Addressees
    from postroom.ports.raw_mail import RawMail
    from postroom.ports.rule_sets import OutboundRules


@dataclass(frozen=True, slots=True)
class OwnSubmission:
    """One message that is sent without a user's asking.

    Attributes:
        trace: of the flow that it opens; deterministic, so that it is opened once.
        caused_by: trace of the flow that caused it.
        mailbox_id: the mailbox in whose name it is sent; empty for the organization's own reports,
            which are not reported to the journal.
        content: complete, without Bcc: RFC 5322 bytes with CRLF, one address in From, a Message-ID, Auto-Submitted.
        recipients: addr-specs; at most as many as one transaction of the caller holds orders.
        envelope_from: empty for messages that are not to bounce.
    """

    organization_id: str
    trace: str
    caused_by: str
    mailbox_id: str
    content: bytes = field(repr=False)
    recipients: tuple[str, ...]
    envelope_from: str = ""


@dataclass(frozen=True, slots=True)
class OwnSubmissions:
    """Prepares messages of our own. ``now`` returns milliseconds since the epoch."""

    directory: Addressees
    rule_sets: OutboundRules
    raw: RawMail
    now: Callable[[], int]

    def journaling(self, organization_id: str, domain: str) -> Journaling | None:
        """Return the journaling of an organization by one of its domains; ``None`` while it is off.

        Raises:
            StoreUnavailableError: a table or the store did not answer; a retry may succeed.
        """
        version = newest_rules(own_domains(self.directory, organization_id, [domain]).values())
        return self.rule_sets.outbound(organization_id, version).journaling

    def depart(self, own: OwnSubmission) -> Departure:
        """Keep a message's bytes, and return what makes it leave.

        Raises:
            SubmissionRefusedError: a recipient is no address that mail can be sent to.
            StoreUnavailableError: a table or the store did not answer; a retry may succeed.
        """
        headers, now = Headers.of(own.content), self.now()
        written = recipients_of(own.recipients, headers)
        author = headers.address("From")
        flow = OutboundFlow(
            trace=own.trace,
            organization_id=own.organization_id,
            envelope_from=own.envelope_from,
            author=author,
            sender="",
            message_id=headers.text("Message-ID"),
            raw=keep_beside(self.raw, f"transit/{own.trace}/submitted", own.content),
            size=len(own.content),
            now=now,
        )
        names = [author.rpartition("@")[2], *(each.domain for each in written)]
        domains = own_domains(self.directory, own.organization_id, names)
        recipients = named(written, domains)
        inside = {name: each for name, each in recipients.items() if each.domain in domains}
        rules = self.rule_sets.outbound(own.organization_id, newest_rules(domains.values()))
        settings = OutboundSettings(list(domains.values()), rules)
        plan = decide(flow, headers, recipients, inside, settings, journaled=bool(own.mailbox_id))
        event = OutgoingEmailSubmitted(recipients=tuple(recipients), from_=author, subject=headers.text("Subject"))
        data: dict[str, Any] = {
            "flowMessageId": flow_message_id(own.trace),
            "mailboxId": own.mailbox_id,
            "envelopeFrom": own.envelope_from,
            "messageId": flow.message_id,
            "size": flow.size,
            "raw": {"bucket": flow.raw.bucket, "key": flow.raw.key},
            "causedBy": own.caused_by,
        }
        opened = flow.fact(EventName.OUTGOING_EMAIL_SUBMITTED, SUBMITTED, event=event.fields(), data=data)
        return Departure(own.trace, [opened, *plan.facts], plan.orders(now))
