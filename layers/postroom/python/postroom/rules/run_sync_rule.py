"""Synchronous rules: a function decides what becomes of a message, and the message waits for it.

Whatever stops this halfway, the call comes again: an attempt that was not noted is made again, with the same
invocation id; a decision that was written is kept, and the sends that follow are repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from postroom.contracts.expansions import Expansion
from postroom.contracts.orders import CallPointer
from postroom.effects.retries import SHORTEST_GAP_MS, RetrySchedule, delay_s
from postroom.errors import ConflictError, InvalidNotificationError, PermanentError
from postroom.model.recipient_names import name_of
from postroom.model.rules import Direction, RuleAction
from postroom.ports.transit import Commit, EndCall, Outcome, PostponeCall
from postroom.routing.expansion import expand
from postroom.routing.reached import without_reached
from postroom.rules import outbound
from postroom.rules.decision import Domains, decision
from postroom.rules.ending import dropped_fact, refusals
from postroom.rules.outcomes import fallback_for_all, outcomes, through

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from postroom.contracts.orders import RuleCall
    from postroom.model.addresses import Address
    from postroom.model.facts import Fact
    from postroom.ports.directory import Addressees
    from postroom.ports.ledger import Ledger
    from postroom.ports.message_contents import FlowContents
    from postroom.ports.open_calls import OpenCalls
    from postroom.ports.parking import OrderParking
    from postroom.ports.queues import Queues
    from postroom.ports.raw_mail import RawMail
    from postroom.ports.transit import OpenCall, OverLimit, Transit
    from postroom.routing.plan import Plan
    from postroom.rules.attempt import Caller
    from postroom.rules.outcomes import Outcomes

MAX_RACES: Final = 5
"""How often a slot is opened, or a decision written, anew because something came in between. Ours."""

SLOT_KNOWN_MS: Final = 86_400_000
"""How long the slot with which a flow began is known to be there without a read, in milliseconds; less than what
is put is kept (``RETENTION_AFTER_FINAL_DAYS``). Ours."""


@dataclass(frozen=True, slots=True)
class RunSyncRule:
    """Carries out synchronous rule calls. ``now`` gives milliseconds since the epoch, ``chance`` a number below 1.

    ``speed`` divides gaps and rules' timeouts: 1, except in a local stack that was told otherwise.
    """

    caller: Caller
    open_calls: OpenCalls
    directory: Addressees
    raw: RawMail
    transit: Transit
    ledger: Ledger
    queues: Queues
    parking: OrderParking
    now: Callable[[], int]
    chance: Callable[[], float]
    plus_addressing: bool = True
    speed: int = 1

    def accept(self, body: str) -> None:
        """Carry out one call: a decision, another attempt later, or a parked call.

        Args:
            body: the SQS message's body.

        Raises:
            TemporaryError: give it back to the queue.
            InvalidNotificationError: it is no call; after some attempts park reads it.
        """
        pointer = CallPointer.read(body)
        found = self.open_calls.read(pointer)
        if found is None:
            self._take_up(pointer)
            return
        if not found.open_call.call.synchronous:
            raise InvalidNotificationError("a call of an asynchronous rule, for another station")
        try:
            if found.organization_is_active:
                self._carry_out(found.open_call)
            else:
                self._end(found.open_call)
        except PermanentError as error:
            self.parking.park_order(found.open_call.call, error.cause)

    def _carry_out(self, open_call: OpenCall) -> None:
        call, early = open_call.call, open_call.due_ms - self.now()
        if early > 0:
            self._later(call, early)
            return
        number = open_call.failed + 1
        if not self._open_slot(call, number):
            self._take_up(call.pointer)
            return
        attempt, domains = self.caller.ask(call, number), Domains(self.directory, call.organization_id)
        fallback = through(RuleAction(call.fallback), call.gateway_id)
        if attempt.answer is not None:
            found = outcomes(
                attempt.answer,
                call.recipients,
                envelope=(*call.recipients, *call.others),
                fallback=fallback,
                added_as=partial(_added_as, call, domains),
                gateway_id=call.gateway_id,
            )
            self._decide(open_call, found, attempt.fact, domains, answered=True)
        elif self.now() >= self._deadline(call):
            found = fallback_for_all(call.recipients, fallback)
            self._decide(open_call, found, attempt.fact, domains, answered=False)
        else:
            due = self._next(open_call)
            postponed = self.transit.commit(Commit([PostponeCall(open_call, due)], [attempt.fact]))
            if postponed is Outcome.DONE:
                self._later(call, due - self.now())

    def _end(self, open_call: OpenCall) -> None:
        """End a call whose organization is gone, due or not: no function is called, and its recipients are refused."""
        call = open_call.call
        dropped = dropped_fact(call, self.now())
        if self._settle(open_call, [dropped], refusals(call, self.now())) is not Outcome.DONE:
            self._take_up(call.pointer)

    def _open_slot(self, call: RuleCall, number: int) -> bool:
        """Open the attempt's slot, unless the flow began with it open; ``False``: the call is decided or further on.

        A call that was parked may come back when the slot is gone with all that was put: then it is opened anew.
        """
        if number == 1 and call.slot_open and self.now() - call.since < SLOT_KNOWN_MS:
            return True
        for _ in range(MAX_RACES):
            before = self.transit.contents(call.trace)
            after = before.opened(call.key, number)
            if after is None or after is before:
                return after is not None
            try:
                outcome = self.transit.commit(Commit(contents=after))
            except ConflictError:  # another transaction held the row
                continue
            if outcome is not Outcome.STALE:  # else something was put, or another rule's slot was opened or closed
                return True
        raise ConflictError(f"what was put into the message changed {MAX_RACES} times in a row")

    def _deadline(self, call: RuleCall) -> int:
        return call.since + call.timeout_minutes * 60_000 // self.speed

    def _next(self, open_call: OpenCall) -> int:
        """Return when the next attempt is due; the last one is at the deadline."""
        due = self.now() + RetrySchedule().gap_ms(open_call.failed, self.chance(), self.speed)
        return min(due, max(self._deadline(open_call.call), self.now() + SHORTEST_GAP_MS))

    def _later(self, call: RuleCall, wait: int) -> None:
        """Have a call come again; where SQS can hold it back for less, it comes early and is sent once more."""
        self.queues.send([call], delay_s=delay_s(wait))

    def _decide(self, open_call: OpenCall, found: Outcomes, attempt: Fact, domains: Domains, *, answered: bool) -> None:
        """Write the decision, with what was put and reached until now, or take up what it came to meanwhile."""
        call = open_call.call
        beside = bool(call.others or call.part)
        for _ in range(MAX_RACES):
            try:
                outcome = self._write(open_call, found, attempt, domains, answered=answered, beside=beside)
            except ConflictError:  # another transaction held a row
                continue
            if outcome is Outcome.DONE:
                return
            if outcome is Outcome.STALE:  # a Put came in between: it was in time
                continue
            if self.transit.open_call(call.trace, call.key) != open_call:
                self._take_up(call.pointer)
                return
            beside = True  # one of its mailboxes is getting the message by another path
        raise ConflictError(f"the message was replaced, or went other ways, {MAX_RACES} times in a row")

    def _write(
        self, open_call: OpenCall, found: Outcomes, attempt: Fact, domains: Domains, *, answered: bool, beside: bool
    ) -> Outcome | OverLimit:
        """Write the decision once; ``beside``: mailboxes that the flow reaches by other paths are left out."""
        call, number = open_call.call, open_call.failed + 1
        before = self.transit.contents(call.trace)
        closed = before.closed(call.key, number, keep=answered)
        content = closed.slots[call.key].content if closed is not None else None
        if call.direction is Direction.OUTBOUND:
            made = outbound.decision(call, found, content, domains, self.now())
        else:
            made = decision(call, found, content, domains, self.now(), plus_addressing=self.plus_addressing)
        plan = made.plan
        if beside:
            plan = without_reached(plan, call.trace, self.transit, self.ledger)
        return self._settle(open_call, [attempt, made.applied(call, number, self.now())], plan, closed)

    def _settle(
        self, open_call: OpenCall, facts: Sequence[Fact], plan: Plan, contents: FlowContents | None = None
    ) -> Outcome | OverLimit:
        """End a call with what becomes of its recipients, and send that on."""
        call = open_call.call
        if plan.chunks == 1:
            orders = plan.orders(self.now())
            decided = Commit([EndCall(open_call)], [*facts, *plan.facts], orders, contents=contents)
            outcome = self.transit.commit(decided)
            if outcome is Outcome.DONE:
                self.queues.send(orders)
            return outcome
        expansion = Expansion(
            trace=call.trace,
            organization_id=call.organization_id,
            plan=plan.keep(self.raw, f"transit/{call.trace}/verdict"),
            chunks=plan.chunks,
            done=0,
            notification=call.pointer.model_dump_json(),
            of=call.key,
        )
        outcome = self.transit.commit(Commit([EndCall(open_call)], facts, expansion=expansion, contents=contents))
        if outcome is Outcome.DONE:
            self._take_up(call.pointer)
        return outcome

    def _take_up(self, pointer: CallPointer) -> None:
        """Continue behind a decision: send what may not have been sent, expand what is not expanded."""
        self.queues.send(self.transit.open_orders(pointer.trace))
        expansion = self.transit.expansion(pointer.trace, f"expansion:{pointer.key}")
        if expansion is not None:
            expand(expansion, self.raw, self.transit, self.ledger, self.queues, self.now)


def _added_as(call: RuleCall, domains: Domains, address: Address) -> str | None:
    """Return the name of a recipient that an answer may add: for inbound mail, one of the organization alone."""
    if call.direction is Direction.OUTBOUND:
        return outbound.added_as(address, domains)
    return name_of(address, inside=True) if domains.get(address.domain) is not None else None
