"""Accepts messages that users send: the copy in Sent Items and everything that follows, in one transaction.

The sealed copy is written first; it is also the message in transit (docs/decisions/0050). Stopped before the
transaction, nothing was submitted, and the client's next attempt with the same token begins again; stopped after it,
the next attempt finds the flow, and sends what may not have been sent.
"""

from __future__ import annotations

import hashlib
import hmac
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from postroom.contracts.outbound_orders import SealedLocation
from postroom.errors import ConflictError, StoreUnavailableError, SubmissionRefusedError
from postroom.mime.headers import Headers
from postroom.model.directory import EntityKind, EntityState, newest_rules
from postroom.model.facts import SUBMITTED, submission_trace
from postroom.model.folders import Folder
from postroom.model.limits import CONFLICT_ATTEMPTS
from postroom.model.mailbox import NewItem, blob_key, item_id
from postroom.ports.raw_mail import keep_beside
from postroom.ports.transit import Commit, Outcome
from postroom.routing.outbound_flow import OutboundFlow
from postroom.sealing import seal_message
from postroom.submission import prepare
from postroom.submission.author import author_of
from postroom.submission.decide import OutboundSettings, decide, needs_plain_copy, opening
from postroom.submission.domains import own_domains
from postroom.submission.limits import check_limits
from postroom.submission.quotas import count_test, counted
from postroom.submission.recipients import named, recipients_of
from postroom.submission.submission import Refusal, Submitted
from postroom.submission.submitted import submitted_fact
from postroom.summaries import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from postroom.access.permissions import PermissionRecords
    from postroom.model.addresses import Address
    from postroom.model.directory import Addressee, MailDomain
    from postroom.model.facts import Fact
    from postroom.model.mailbox import Head, Outgoing
    from postroom.ports.account_quota import AccountQuota
    from postroom.ports.directory import Addressees, MailboxOwners
    from postroom.ports.ledger import Ledger
    from postroom.ports.mailbox_keys import MailboxKeys
    from postroom.ports.mailboxes import Mailboxes
    from postroom.ports.queues import Queues
    from postroom.ports.raw_mail import RawMail
    from postroom.ports.rule_sets import OutboundRules
    from postroom.ports.sealed_mail import SealedMail
    from postroom.ports.transit import Transit
    from postroom.ports.transit_keys import TransitKeys
    from postroom.routing.plan import Plan
    from postroom.sealing import Random
    from postroom.submission.author import Author
    from postroom.submission.quotas import Count
    from postroom.submission.submission import Submission

KIND = "SENT"
"""What the token of a copy in Sent Items is made of, beside its trace and mailbox."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A submission that is allowed.

    Attributes:
        content: complete, with Bcc.
        recipients: by their names in the flow (``model.recipient_names``).
        inside: those of ``recipients`` that are in a domain of the sender's organization.
        domains: the domains of the organization that author and recipients have.
    """

    submission: Submission
    trace: str
    user: Addressee
    author: Author
    content: bytes
    headers: Headers
    message_id: str
    recipients: Mapping[str, Address]
    inside: Mapping[str, Address]
    domains: list[MailDomain]


@dataclass(frozen=True, slots=True)
class Submit:
    """Implements ``Submits``.

    Attributes:
        now: returns milliseconds since the epoch.
        pause: ``pause(n)`` waits a little, longer as n grows.
        mail_bucket: of sealed mail.
    """

    owners: MailboxOwners
    directory: Addressees
    records: PermissionRecords
    rule_sets: OutboundRules
    quota: AccountQuota
    mailboxes: Mailboxes
    sealed: SealedMail
    keys: MailboxKeys
    transit_keys: TransitKeys
    raw: RawMail
    transit: Transit
    ledger: Ledger
    queues: Queues
    now: Callable[[], int]
    random: Random
    pause: Callable[[int], None]
    mail_bucket: str

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
        mailbox_key = self.keys.unwrap(head.wrapped_key, head.kms_key_arn, head.organization_arn)
        item = self._item(draft, mailbox_key)
        message_key = message_key_for(item.blob, mailbox_key)
        flow, plan = self._decided(draft, self._location(item.blob, message_key))
        sealed = seal_message(
            draft.content, mailbox_key=mailbox_key, place=item.blob, random=self.random, message_key=message_key
        )
        self.sealed.put_once(item.blob, sealed)
        fact = submitted_fact(draft, flow, item_id(head.sequence + 1, item.token))
        facts, orders = opening(flow, plan, self.raw)
        commit = Commit(facts=[fact, *facts], orders=orders)
        if self.mailboxes.send(head, item, commit, outgoing=outgoing) is Outcome.ALREADY:
            return self._lost_race(draft.trace, item)
        with suppress(StoreUnavailableError):  # it is accepted: a client that is told otherwise may send it again
            self.queues.send(orders)  # else sweep does
        return Submitted(draft.trace, draft.message_id)

    def _item(self, draft: Draft, mailbox_key: bytes) -> NewItem:
        """Return the index entry. Its token depends on the content: each attempt may give the message another Date."""
        mailbox_id, now = draft.user.entity_id, self.now()
        token = copy_token(draft.trace, draft.content)
        described = describe(
            draft.content,
            mailbox_id=mailbox_id,
            token=token,
            mailbox_key=mailbox_key,
            random=self.random,
            envelope_from=draft.author.envelope_from,
        )
        return NewItem(
            token=token,
            folder=Folder.SENT_ITEMS.value,
            blob=blob_key(draft.submission.organization_id, mailbox_id, token),
            size=len(draft.content),
            summary=described.summary,
            item_class="IPM.Note",
            conversation=described.conversation,
            received=now,
            created=now,
            has_attachments=described.has_attachments,
            unread=False,
        )

    def _location(self, blob: str, message_key: bytes) -> SealedLocation:
        wrapped = self.transit_keys.wrap(message_key, blob)
        return SealedLocation(bucket=self.mail_bucket, key=blob, message_key=wrapped)

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
            self.sealed.delete(item.blob)
        return self._take_up(known)


def copy_token(trace: str, content: bytes) -> str:
    """Return the token of a message's copy in Sent Items; deterministic for trace and content."""
    digest = hashlib.sha256(content).hexdigest()
    return hashlib.sha256(f"item\0{trace}\0{KIND}\0{digest}".encode()).hexdigest()[:32]


def message_key_for(blob: str, mailbox_key: bytes) -> bytes:
    """Return the key of a message that is sealed at ``blob``, whose name depends on the content.

    It is derived, because an attempt may find the object of an earlier one there, and orders need its key.
    """
    return hmac.new(mailbox_key, b"submitted\0" + blob.encode(), hashlib.sha256).digest()
