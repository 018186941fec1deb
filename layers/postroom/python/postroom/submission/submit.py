"""Accepts messages that users send: the copy in Sent Items and everything that follows, in one transaction.

The sealed copy is written first; it is also the message in transit (docs/decisions/0050). Stopped before the
transaction, nothing was submitted, and the client's next attempt with the same token begins again; stopped after it,
the next attempt finds the flow, and sends what may not have been sent.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from postroom.errors import ConflictError, StoreUnavailableError, SubmissionRefusedError
from postroom.mime.headers import Headers
from postroom.model.directory import EntityKind, EntityState, newest_rules
from postroom.model.facts import SUBMITTED, submission_trace
from postroom.model.limits import CONFLICT_ATTEMPTS
from postroom.model.mailbox import item_id
from postroom.ports.raw_mail import keep_beside
from postroom.ports.transit import Commit, Outcome
from postroom.routing.outbound_flow import OutboundFlow
from postroom.submission import prepare
from postroom.submission.author import author_of
from postroom.submission.decide import OutboundSettings, decide, needs_plain_copy, opening
from postroom.submission.domains import own_domains
from postroom.submission.draft import Draft
from postroom.submission.limits import check_limits
from postroom.submission.quotas import count_test, counted
from postroom.submission.recipients import named, recipients_of
from postroom.submission.submission import Refusal, Submitted
from postroom.submission.submitted import submitted_fact

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.access.permissions import PermissionRecords
    from postroom.contracts.outbound_orders import SealedLocation
    from postroom.model.directory import Addressee
    from postroom.model.facts import Fact
    from postroom.model.mailbox import Head, NewItem, Outgoing
    from postroom.ports.account_quota import AccountQuota
    from postroom.ports.directory import Addressees, MailboxOwners
    from postroom.ports.ledger import Ledger
    from postroom.ports.mailboxes import Mailboxes
    from postroom.ports.queues import Queues
    from postroom.ports.raw_mail import RawMail
    from postroom.ports.rule_sets import OutboundRules
    from postroom.ports.transit import Transit
    from postroom.routing.plan import Plan
    from postroom.submission.quotas import Count
    from postroom.submission.sent_copies import SentCopies
    from postroom.submission.submission import Submission


@dataclass(frozen=True, slots=True)
class Submit:
    """Implements ``Submits``.

    Attributes:
        now: returns milliseconds since the epoch.
        pause: ``pause(n)`` waits a little, longer as n grows.
    """

    owners: MailboxOwners
    directory: Addressees
    records: PermissionRecords
    rule_sets: OutboundRules
    quota: AccountQuota
    mailboxes: Mailboxes
    copies: SentCopies
    raw: RawMail
    transit: Transit
    ledger: Ledger
    queues: Queues
    now: Callable[[], int]
    pause: Callable[[int], None]

    def submit(self, submission: Submission) -> Submitted:
        """A mailbox that changes meanwhile is read again.

        Whether the flow exists already is asked only where something stands in the way: the transaction knows.
        """
        trace = submission_trace(submission.organization_id, submission.user_id, submission.token)
        try:
            return self._new(submission, trace)
        except SubmissionRefusedError:
            known = self.ledger.fact(trace, SUBMITTED)
            if known is None:
                raise
            return self._take_up(known)

    def _new(self, submission: Submission, trace: str) -> Submitted:
        draft = self._draft(submission, trace)
        count: Count | None = None
        for attempt in range(CONFLICT_ATTEMPTS):
            head = self._head(draft)
            if attempt == 0:
                self._count_test(draft)
            count = self._counted(draft, head, count)
            try:
                return self._sent(draft, head, count.after)
            except ConflictError:
                self.pause(attempt)
        raise ConflictError("the mailbox changed at every attempt")

    def _draft(self, submission: Submission, trace: str) -> Draft:
        """Check everything that does not depend on the mailbox."""
        user = self._user(submission)
        prepare.check_block(submission.content)
        headers = Headers.of(submission.content)
        written = recipients_of(submission.recipients, headers)
        check_limits(submission.content, headers)
        author = author_of(submission, headers, user, self.directory, self.records)
        now = self.now()
        domain = author.address.rpartition("@")[2]
        new_id, sender = f"<{trace}@{domain}>", author.sender_field(headers)
        content = prepare.completed(submission.content, headers, message_id=new_id, now=now, sender=sender)
        names = [domain, *(each.domain for each in written)]
        domains = own_domains(self.directory, submission.organization_id, names)
        recipients = named(written, domains)
        inside = {name: each for name, each in recipients.items() if each.domain in domains}
        headers = headers if content is submission.content else Headers.of(content)
        return Draft(
            submission,
            trace,
            user,
            author,
            content,
            headers,
            headers.text("Message-ID") or new_id,
            recipients,
            inside,
            list(domains.values()),
        )

    def _user(self, submission: Submission) -> Addressee:
        user = self.owners.owner(submission.organization_id, submission.user_id)
        is_able = user is not None and user.kind is EntityKind.USER and user.has_mailbox
        if user is None or not is_able or user.state is not EntityState.ENABLED or not user.primary_address:
            raise SubmissionRefusedError(Refusal.NOT_ENABLED, "the user cannot send")
        return user

    def _head(self, draft: Draft) -> Head:
        head = self.mailboxes.head(draft.user.entity_id)
        if head is None:
            raise SubmissionRefusedError(Refusal.NOT_ENABLED, "the user has no mailbox")
        if head.size + len(draft.content) > head.quota_bytes:
            raise SubmissionRefusedError(Refusal.MAILBOX_FULL, "the mailbox has no room for the copy in Sent Items")
        return head

    def _count_test(self, draft: Draft) -> None:
        author_domain = draft.author.address.rpartition("@")[2]
        if any(domain.is_test for domain in draft.domains if domain.name == author_domain):
            count_test(len(draft.recipients), self.quota, self.now())

    def _counted(self, draft: Draft, head: Head, earlier: Count | None) -> Count:
        outside = len(draft.recipients) - len(draft.inside)
        return counted(head.outgoing, outside, self.quota, self.now(), earlier=earlier)

    def _sent(self, draft: Draft, head: Head, outgoing: Outgoing) -> Submitted:
        """Seal the copy, and commit."""
        copy = self.copies.of(draft, head, self.now())
        flow, plan = self._decided(draft, copy.location)
        self.copies.keep(copy, draft.content)
        fact = submitted_fact(draft, flow, item_id(head.sequence + 1, copy.item.token))
        facts, orders = opening(flow, plan, self.raw)
        commit = Commit(facts=[fact, *facts], orders=orders)
        if self.mailboxes.send(head, copy.item, commit, outgoing=outgoing) is Outcome.ALREADY:
            return self._lost_race(draft.trace, copy.item)
        with suppress(StoreUnavailableError):  # it is accepted: a client that is told otherwise may send it again
            self.queues.send(orders)  # else sweep does
        return Submitted(draft.trace, draft.message_id)

    def _decided(self, draft: Draft, location: SealedLocation) -> tuple[OutboundFlow, Plan]:
        """Decide; where an order needs a plain copy, keep one, and let all orders use it."""
        flow = OutboundFlow(
            trace=draft.trace,
            organization_id=draft.submission.organization_id,
            envelope_from=draft.author.envelope_from,
            author=draft.author.address,
            sender=draft.author.sender,
            message_id=draft.message_id,
            raw=location,
            size=len(draft.content),
            now=self.now(),
        )
        version = newest_rules(draft.domains)
        settings = OutboundSettings(draft.domains, self.rule_sets.outbound(flow.organization_id, version))
        plan = decide(flow, draft.headers, draft.recipients, draft.inside, settings)
        if not needs_plain_copy(plan):
            return flow, plan
        plain = prepare.without_bcc(draft.content)
        raw = keep_beside(self.raw, f"transit/{draft.trace}/submitted", plain)  # each attempt may give another Date
        flow = replace(flow, raw=raw, size=len(plain))
        return flow, decide(flow, draft.headers, draft.recipients, draft.inside, settings)

    def _take_up(self, known: Fact) -> Submitted:
        """Answer a submission that was accepted before, and send what may not have been sent."""
        self.queues.send(self.transit.open_orders(known.trace))
        return Submitted(known.trace, str(known.data["messageId"]))

    def _lost_race(self, trace: str, item: NewItem) -> Submitted:
        """Take up what another attempt submitted; remove this one's copy, unless that is the same."""
        known = self.ledger.fact(trace, SUBMITTED)
        if known is None:
            raise ConflictError("the flow exists, and was not submitted")
        if not str(known.data["itemId"]).endswith(item.token):
            self.copies.remove(item)
        return self._take_up(known)
