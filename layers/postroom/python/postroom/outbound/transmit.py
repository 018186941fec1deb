"""The station: one order is sent to its recipients outside, until each of them has its end (docs/decisions/0052).

    begin    the order's row says that an attempt runs; only one run can write it, and only if the order is due.
    send     SES or a gateway takes the message, or says for each recipient why not.
    record   facts end recipients. The order ends with its last recipient; else it is due again later.

What a stop leaves behind:

    before begin               nothing; the order comes again.
    between begin and send     an attempt without an end. After ``again_after_ms`` the next run makes another.
    between send and record    the same, and the message was sent: it is sent again. This is the only window for a
                               repeat, because the outside cannot be asked what it did.
    between record and sends   orders that tell of refusals, and are in no queue: when the message comes again, they are
                               sent.
    after that                 nothing: recipients that have their ends are left out of every later attempt.

A temporary failure of the other side is never an error of the station: the order waits, with growing gaps, until it is
given up. An order is parked only for what an operator can remove, such as a key that cannot be used.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Protocol

from postroom.effects.retries import delay_s
from postroom.errors import ConflictError, PermanentError, StoreUnavailableError
from postroom.model.facts import ORGANIZATION_DELETED, Fact, OwnFact
from postroom.model.relay_answers import RelayResult
from postroom.model.transmissions import Answer, Outgoing
from postroom.outbound.timetable import EXPIRED_STATUS, Timetable
from postroom.ports.open_transmissions import NotDue
from postroom.ports.transit import Commit, Outcome, Postpone, SettleIfThere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from postroom.contracts.stored import Order
    from postroom.model.records import SmtpGateway
    from postroom.outbound.carried import Carried
    from postroom.ports.directory import MailboxOwners
    from postroom.ports.ledger import Ledger
    from postroom.ports.open_transmissions import OpenTransmissions
    from postroom.ports.outgoing import SesSender
    from postroom.ports.parking import OrderParking
    from postroom.ports.queues import Queues
    from postroom.ports.smtp_relays import SmtpRelays
    from postroom.ports.transit import Take, Transit

AGAIN_AFTER_MS: Final = 6 * 60_000
"""Milliseconds after which an attempt without an end counts as stopped: longer than the function runs. Ours."""

ALONE_MS: Final = 150_000
"""How long an attempt tries recipients that were refused together one by one, in milliseconds. One more send, which
may take a minute, still ends within the function's time for an order: a send that is cut off is repeated. Ours."""

RECORD_ATTEMPTS: Final = 5
"""How often the answers of an attempt are recorded anew, as long as a table does not answer: a message whose answer is
not recorded is sent again. Ours."""

NO_GATEWAY: Final = Answer.permanent("5.3.5", "the SMTP gateway was deleted")
DELETED: Final = Answer.permanent("5.7.1", ORGANIZATION_DELETED)
UNREAD: Final = Answer.temporary("4.3.0", "the message could not be read for now")
NO_TIME: Final = Answer.temporary("4.3.0", "the attempt had no time left for this recipient")
EXPIRED: Final = "not accepted in time"


class Gateways(Protocol):
    """Reads the records of SMTP gateways."""

    def gateway(self, organization_id: str, gateway_id: str) -> SmtpGateway | None:
        """Return a gateway, if it exists."""


@dataclass(frozen=True, slots=True)
class Transmit:
    """Carries out orders to transmit.

    Attributes:
        read: reads the body of a queue's message.
        now: returns milliseconds since the epoch.
        chance: returns a number from 0 to below 1.
        new_run: returns a text that is never returned again.
        pause: ``pause(n)`` waits a little, longer as n grows.
    """

    read: Callable[[str], Carried]
    owners: MailboxOwners
    gateways: Gateways
    transit: Transit
    open: OpenTransmissions
    ledger: Ledger
    ses: SesSender
    relays: SmtpRelays
    queues: Queues
    parking: OrderParking
    now: Callable[[], int]
    chance: Callable[[], float]
    new_run: Callable[[], str]
    pause: Callable[[int], None]
    times: Timetable = field(default_factory=Timetable)
    again_after_ms: int = AGAIN_AFTER_MS

    def accept(self, body: str, *, again: bool = False) -> None:
        """Carry out one order: ends of recipients, another attempt later, or a parked order.

        Args:
            body: the SQS message's body.
            again: the message was handed out before, to a run that may have stopped anywhere.

        Raises:
            TemporaryError: a table or queue did not answer: give it back to the queue.
            InvalidNotificationError: it is no order; after some attempts park reads it.
        """
        carried = self.read(body)
        try:
            self._carry_out(carried, again=again)
        except PermanentError as error:
            if self.owners.is_active(carried.order.organization_id):
                self.parking.park_order(carried.order, error.cause)
            else:
                self._give_up(carried)

    def _carry_out(self, carried: Carried, *, again: bool) -> None:
        if not self.owners.is_active(carried.order.organization_id):
            self._give_up(carried)
            return
        if again:
            orders = self.transit.open_orders(carried.order.trace)
            self.queues.send([each for each in orders if carried.is_report(each)])
        begun = self.open.begin(carried.order, run=self.new_run(), again_after_ms=self.again_after_ms)
        if begun is None:  # carried out, parked or discarded
            return
        if isinstance(begun, NotDue):
            self._later(carried.order, begun.due_ms)
            return
        known = () if begun.number == 1 else self.ledger.facts(carried.order.trace)
        left = carried.left(_keys(known))
        if not left:
            self._record(carried, {}, [SettleIfThere(carried.order)])
            return
        self._attempt(carried, left, known, begun.number)

    def _give_up(self, carried: Carried) -> None:
        """End an order of a deleted organization: nothing is sent, and the sender's mailbox goes with it."""

        def write() -> None:
            now = self.now()
            facts = [carried.refused(each, DELETED, now) for each in self._left(carried)]
            if self.transit.commit(Commit([SettleIfThere(carried.order)], facts)) is not Outcome.DONE:
                raise ConflictError("another run records answers of the same recipients")

        self._persist(write)

    def _left(self, carried: Carried) -> Sequence[str]:
        return carried.left(_keys(self.ledger.facts(carried.order.trace)))

    def _attempt(self, carried: Carried, left: Sequence[str], known: Sequence[Fact], number: int) -> None:
        """Send once, and record what became of each recipient."""
        waiting: dict[str, Answer] = {}
        final: dict[str, Answer] = {}
        for answers in self._answers(carried, left):
            if final:
                self._record(carried, final)
            judged = {each: self._judged(carried, answer) for each, answer in answers.items()}
            waiting |= {each: answer for each, answer in judged.items() if answer.result is RelayResult.TEMPORARY}
            final = {each: answer for each, answer in judged.items() if answer.result is not RelayResult.TEMPORARY}
        if waiting:
            self._defer(carried, waiting, final, known, number)
        else:
            self._end(carried, final)

    def _answers(self, carried: Carried, left: Sequence[str]) -> Iterator[Mapping[str, Answer]]:
        """Yield answers as they come: of all recipients, or of each alone where they were refused together."""
        begun = self.now()
        try:
            content = carried.content()
            answers = self._send(carried, left, content)
        except StoreUnavailableError:
            yield dict.fromkeys(left, UNREAD)
            return
        shared = [each for each, answer in answers.items() if answer.is_shared] if len(left) > 1 else []
        yield {each: answer for each, answer in answers.items() if each not in shared}
        for number, each in enumerate(shared):
            if self.now() - begun >= ALONE_MS:
                yield dict.fromkeys(shared[number:], NO_TIME)
                return
            yield {}  # what has been answered is recorded before anything else is sent
            yield self._send(carried, [each], content)

    def _send(self, carried: Carried, recipients: Sequence[str], content: bytes) -> Mapping[str, Answer]:
        order = carried.order
        inside = carried.inside(content, self.now())
        if inside is not None:
            return dict.fromkeys(recipients, inside)
        if not carried.gateway_id:
            outgoing = Outgoing(
                trace=order.trace,
                organization_id=order.organization_id,
                envelope_from=carried.envelope_from,
                recipients=tuple(recipients),
                content=content,
                purpose=carried.purpose,
            )
            return self.ses.send(outgoing)
        gateway = self.gateways.gateway(order.organization_id, carried.gateway_id)
        if gateway is None:
            return dict.fromkeys(recipients, NO_GATEWAY)
        answers = self.relays.relay(gateway, carried.envelope_from, recipients, content)
        return {each: Answer.of_gateway(answers[each], gateway.host) for each in recipients}

    def _judged(self, carried: Carried, answer: Answer) -> Answer:
        """Return an answer; a temporary failure at the end of all retries is permanent."""
        if answer.result is not RelayResult.TEMPORARY or self.now() < self.times.until(carried.since):
            return answer
        return replace(
            answer, result=RelayResult.PERMANENT, status=EXPIRED_STATUS, diagnostic=f"{EXPIRED}: {answer.diagnostic}"
        )

    def _defer(
        self,
        carried: Carried,
        waiting: Mapping[str, Answer],
        final: Mapping[str, Answer],
        known: Sequence[Fact],
        number: int,
    ) -> None:
        """Record that recipients wait, and have the order come again."""
        now = self.now()
        due = self.times.due(carried.since, now, number - 1, self.chance())
        is_late = self.times.is_late(carried.since, now)
        tells = is_late and not any(_told(fact, carried) for fact in known)
        told, notices = carried.late(waiting, now, self.times.until(carried.since)) if tells else ([], [])
        deferred = deferred_fact(carried, waiting, number, now, due, is_late=is_late, tells=tells)
        self._record(carried, final, [Postpone(carried.order, due)], [deferred, *told], notices)
        self._later(carried.order, due)

    def _later(self, order: Order, due: int) -> None:
        """Have an order come again; where SQS can hold it back for less, it comes early and is sent once more."""
        self.queues.send([order], delay_s=max(1, delay_s(due - self.now())))

    def _end(self, carried: Carried, final: Mapping[str, Answer]) -> None:
        """End an order. One that is left with one recipient takes two writes, which cost half of a transaction."""
        ((recipient, answer), *others) = final.items()
        if others or answer.result is not RelayResult.ACCEPTED:
            self._record(carried, final, [SettleIfThere(carried.order)])
            return
        fact = carried.sent(recipient, answer, self.now())
        self._persist(lambda: self.open.end(carried.order, fact))

    def _record(
        self,
        carried: Carried,
        final: Mapping[str, Answer],
        takes: Sequence[Take] = (),
        facts: Sequence[Fact] = (),
        orders: Sequence[Order] = (),
    ) -> None:
        """End recipients in one transaction with ``takes``, ``facts`` and ``orders``; then send what tells of refusals.

        Where another run has recorded something meanwhile, only the ends that it has not recorded are written.
        """
        ends, reports = self._ends(carried, final)
        commit = Commit(takes, [*ends, *facts], [*reports, *orders])

        def write() -> None:
            telling: list[Order] = []
            if self.transit.commit(commit) is not Outcome.DONE:
                left = self._left(carried)
                missing, telling = self._ends(carried, {each: final[each] for each in left if each in final})
                kept = [take for take in takes if isinstance(take, SettleIfThere)]
                if self.transit.commit(Commit(kept, missing, telling)) is not Outcome.DONE:
                    raise ConflictError("another run records answers of the same recipients")
            self.queues.send([*commit.orders, *telling])

        self._persist(write)

    def _persist(self, write: Callable[[], None]) -> None:
        """Write what must not be lost: a message whose answer is not recorded is sent again."""
        for attempt in range(RECORD_ATTEMPTS - 1):
            try:
                write()
            except (ConflictError, StoreUnavailableError):
                self.pause(attempt)
            else:
                return
        write()

    def _ends(self, carried: Carried, answers: Mapping[str, Answer]) -> tuple[list[Fact], list[Order]]:
        """Return the facts that end recipients, and the orders that tell of those that are refused."""
        now, facts, refused = self.now(), list[Fact](), dict[str, Answer]()
        for recipient, answer in answers.items():
            if answer.result is RelayResult.ACCEPTED:
                facts.append(carried.sent(recipient, answer, now))
            else:
                facts.append(carried.refused(recipient, answer, now))
                refused[recipient] = answer
        return facts, list(carried.reports(refused, now)) if refused else []


def _keys(facts: Iterable[Fact]) -> frozenset[str]:
    return frozenset(fact.key for fact in facts)


def _told(fact: Fact, carried: Carried) -> bool:
    """Say whether a fact is that of an attempt after which the sender was told that the message waits."""
    return fact.key.startswith(deferred_key(carried.name)) and bool(fact.data.get("told"))


def deferred_key(name: str, number: int | None = None) -> str:
    """Return the key of the fact that an attempt of an order failed for now; without a number, what all begin with.

    Args:
        name: of the order (``Carried.name``).
    """
    return f"{OwnFact.TRANSMIT_DEFERRED}:{name}:{'' if number is None else number}"


def deferred_fact(
    carried: Carried, waiting: Mapping[str, Answer], number: int, now: int, due: int, *, is_late: bool, tells: bool
) -> Fact:
    """Return the fact that an attempt failed for now.

    Its ``delayed`` recipients are counted for an alarm (docs/decisions/0060): they have waited for hours, and their own
    addresses and mailboxes are not the reason.

    Args:
        due: when the next attempt is made.
        is_late: the message has waited for hours.
        tells: its sender is told so.
    """
    first = next(iter(waiting.values()))
    data = {
        "attempt": number,
        "recipients": list(waiting),
        "reason": first.diagnostic,
        "status": first.status,
        "server": first.server,
        "gatewayId": carried.gateway_id,
        "uncertain": [each for each, answer in waiting.items() if answer.may_have_arrived],
        "due": due,
        "told": tells,
        "delayed": sum(not answer.is_of_recipient for answer in waiting.values()) if is_late else 0,
    }
    return Fact(
        trace=carried.order.trace,
        organization_id=carried.order.organization_id,
        name=OwnFact.TRANSMIT_DEFERRED,
        key=deferred_key(carried.name, number),
        at=now,
        data={name: value for name, value in data.items() if value},
    )
