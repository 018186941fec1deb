"""Out-of-office replies, at most one a day from a mailbox to a sender (docs/decisions/0057).

Deliver has found nothing in the message that forbids a reply. What is left to decide takes the record and the user's
addresses. The transaction that ends the order counts the reply and opens its flow; a run that comes after it sends what
may not have been sent.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from postroom.errors import ConflictError, MessageNotFoundError, PermanentError
from postroom.mime import automatic
from postroom.mime.headers import read_headers
from postroom.model.addresses import Address
from postroom.model.directory import EntityKind, EntityState
from postroom.model.facts import Fact, OwnFact, reply_trace
from postroom.model.limits import DAY_MS
from postroom.model.out_of_office import OutOfOffice
from postroom.outbound.reply_mail import ReplyMail
from postroom.ports.directory import OwnedRecords
from postroom.ports.replies import Departure, Reply
from postroom.ports.transit import Allowance, Commit, Outcome, OverLimit, Settle
from postroom.routing.own_mail import not_sent
from postroom.routing.resolve import DISABLED, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.contracts.reply_orders import ReplyOrder
    from postroom.mime.headers import Headers
    from postroom.model.out_of_office import ReplySettings
    from postroom.model.records import Domain, Entity
    from postroom.ports.directory import MailboxOwners
    from postroom.ports.parking import OrderParking
    from postroom.ports.queues import Queues
    from postroom.ports.raw_mail import RawMail
    from postroom.ports.replies import Replies
    from postroom.ports.transit import Transit

PART: Final = "out-of-office"
"""What the key of the fact that there is no reply ends with."""

NOT_AWAY: Final = "the owner of the mailbox is not away any more"
OWN: Final = "the sender is the owner of the mailbox"
GROUP: Final = "the sender is a group of the organization, in whose name no user's message has its envelope"
OUTSIDE: Final = "senders outside the organization get no reply"
NO_TEXT: Final = "the reply has no text for this sender"
TOLD: Final = "the sender had a reply of this mailbox today"
"""Reasons of REPLY_NOT_SENT, beside those of ``mime.automatic``."""


class ReplyRecords(OwnedRecords, Protocol):
    """The reads of ``Directory`` that replies need."""

    def entity(self, organization_id: str, entity_id: str) -> Entity | None:
        """See ``Directory``."""

    def entity_at(self, organization_id: str, address: str) -> Entity | None:
        """See ``Directory``."""

    def domain_record(self, name: str) -> Domain | None:
        """See ``Directory``."""


@dataclass(frozen=True, slots=True)
class OutOfOfficeReplies:
    """Carries out orders to reply. ``now`` returns milliseconds since the epoch."""

    owners: MailboxOwners
    records: ReplyRecords
    replies: Replies
    raw: RawMail
    transit: Transit
    queues: Queues
    parking: OrderParking
    now: Callable[[], int]

    def accept(self, order: ReplyOrder) -> None:
        """Send a reply, record why there is none, or park the order.

        Raises:
            TemporaryError: give it back to the queue.
        """
        try:
            self._reply(order)
        except PermanentError as error:
            self.parking.park_order(order, error.cause)

    def _reply(self, order: ReplyOrder) -> None:
        owner = self.owners.owner(order.organization_id, order.mailbox_id)
        if owner is None or owner.state is not EntityState.ENABLED:
            self._end(order, DISABLED[0] if owner else UNKNOWN[0])
            return
        headers = self._headers(order)
        if headers is None:
            self._send_again(order)
            return
        now = self.now()
        record = self.records.owned(OutOfOffice, order.organization_id, order.mailbox_id)
        entity = self.records.entity(order.organization_id, order.mailbox_id)
        if record is None or entity is None or record.away is None or not record.away.holds_at(now):
            self._end(order, NOT_AWAY)
            return
        author, to = automatic.writable(order.recipient), automatic.writable(order.envelope_from)
        reason = _unwanted(headers, order, entity)
        if reason is not None or author is None or to is None:
            self._end(order, reason or automatic.NO_ADDRESS)
            return
        text = self._text(record.set_as, order.organization_id, to)
        if not text:
            self._end(order, OUTSIDE if text is None else NO_TEXT)
            return
        if self._is_group(order.organization_id, to):
            self._end(order, GROUP)
            return
        self._depart(order, _made(order, headers, text, author, to, now), now)

    def _is_group(self, organization_id: str, to: str) -> bool:
        """Say whether a reply would go to the members of a group: the message's envelope is forged then."""
        address = Address.parse(to)
        every = dict.fromkeys([address, address.without_tag()]) if address else ()
        found = (self.records.entity_at(organization_id, str(each)) for each in every)
        entity = next(filter(None, found), None)
        return entity is not None and entity.kind is EntityKind.GROUP

    def _text(self, settings: ReplySettings, organization_id: str, to: str) -> str | None:
        """Return what a sender is told, as ``ReplySettings.text_for`` does; one more read only if that depends on it.

        A sender with an address of the organization's domains is inside: the text goes there, even if the message was
        written by another. A domain counts once SES has confirmed that it is the organization's: an administrator may
        register any name, and a rule may send what is for its addresses to a gateway.
        """
        if not settings.depends_on_sender:
            return settings.text_for(insider=True)
        domain = self.records.domain_record(to.rpartition("@")[2].lower())
        is_own = domain is not None and domain.organization.id == organization_id and domain.is_confirmed
        return settings.text_for(insider=is_own)

    def _headers(self, order: ReplyOrder) -> Headers | None:
        """Return the message's header fields; ``None`` where it is gone because the order was carried out long ago.

        Raises:
            MessageNotFoundError: it is gone, and the order is open.
        """
        try:
            return read_headers(partial(self.raw.head, order.raw)).headers
        except MessageNotFoundError:
            if self.transit.order(order.trace, order.key) is None:
                return None
            raise

    def _depart(self, order: ReplyOrder, reply: Reply, now: int) -> None:
        departure = self.replies.depart(reply)
        if departure.trace is None:
            self._commit(order, departure)
            return
        data = {"mailboxId": order.mailbox_id, "replyTrace": departure.trace}
        name, key = OwnFact.OUT_OF_OFFICE_ANSWERED, f"{OwnFact.OUT_OF_OFFICE_ANSWERED}:{order.mailbox_id}"
        answered = Fact(order.trace, order.organization_id, name, key, now, data=data)
        made = Departure(departure.trace, [answered, *departure.facts], departure.orders)
        if not self._commit(order, made, _once_a_day(order, reply.to, now)):
            self._end(order, TOLD)

    def _end(self, order: ReplyOrder, reason: str) -> None:
        fact = not_sent(order.trace, order.organization_id, order.mailbox_id, reason, self.now(), part=PART)
        self._commit(order, Departure(None, [fact], []))

    def _commit(self, order: ReplyOrder, departure: Departure, *allowances: Allowance) -> bool:
        """End the order with what follows, and send it; ``False``: an allowance is used up."""
        outcome = self.transit.commit(Commit([Settle(order)], departure.facts, departure.orders, allowances=allowances))
        if isinstance(outcome, OverLimit):
            return False
        if outcome is Outcome.DONE:
            self.queues.send(departure.orders)
        elif self.transit.order(order.trace, order.key) is not None:
            raise ConflictError("a reply was refused, and no other run decided about it")
        else:
            self._send_again(order)
        return True

    def _send_again(self, order: ReplyOrder) -> None:
        """Send what an order that ended before may have stopped short of."""
        self.queues.send(self.transit.open_orders(reply_trace(order.trace, order.mailbox_id)))


def _unwanted(headers: Headers, order: ReplyOrder, entity: Entity) -> str | None:
    """Return why a message gets no reply; ``None`` if it gets one. Source: RFC 3834 2."""
    if automatic.is_one_of(order.envelope_from, entity.addresses):
        return OWN
    reason = automatic.unwanted(headers, order.envelope_from)
    if reason is not None:
        return reason
    return None if automatic.names(headers, entity.addresses) else automatic.NOT_NAMED


def _made(order: ReplyOrder, headers: Headers, text: str, author: str, to: str, now: int) -> Reply:
    message_id = f"<{reply_trace(order.trace, order.mailbox_id)}@{author.rpartition('@')[2]}>"
    mail = ReplyMail(headers, text, author, to, message_id)
    return Reply(
        trace=order.trace,
        organization_id=order.organization_id,
        mailbox_id=order.mailbox_id,
        author=author,
        to=to,
        subject=mail.subject,
        message_id=message_id,
        content=mail.content(now=now),
    )


def _once_a_day(order: ReplyOrder, to: str, now: int) -> Allowance:
    """Return the allowance of one reply to a sender, in any case, and day, in UTC. Its name has no address."""
    sender, day = hashlib.sha256(to.lower().encode()).hexdigest()[:32], now // DAY_MS
    return Allowance(f"replies:{order.mailbox_id}:{sender}:{day}", 1, (day + 2) * DAY_MS // 1000)
