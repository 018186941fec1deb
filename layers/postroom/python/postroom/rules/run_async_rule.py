"""Asynchronous rules: a function gets the event of a message, and the message does not wait for it.

What Lambda accepts it runs later, with retries and a failure destination of its own. What it does not accept is tried
again for a while, and then a fact says so: the mail has long gone on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.contracts.orders import CallPointer
from postroom.effects.retries import RetrySchedule, delay_s
from postroom.errors import InvalidNotificationError, PermanentError
from postroom.ports.rule_functions import Failure
from postroom.ports.transit import Commit, EndCall, Outcome, PostponeCall
from postroom.rules.ending import dropped_fact

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.ports.open_calls import OpenCalls
    from postroom.ports.parking import OrderParking
    from postroom.ports.queues import Queues
    from postroom.ports.transit import OpenCall, Transit
    from postroom.rules.attempt import Caller

PASSING: Final = frozenset({Failure.THROTTLED, Failure.TIMED_OUT, Failure.UNAVAILABLE})
"""Failures that another attempt may well not meet."""

MOST_ATTEMPTS: Final = 6
"""How often Lambda is asked to take an event: for about five minutes. Ours."""


@dataclass(frozen=True, slots=True)
class RunAsyncRule:
    """Carries out asynchronous rule calls. ``now`` gives milliseconds since the epoch, ``chance`` a number below 1."""

    caller: Caller
    open_calls: OpenCalls
    transit: Transit
    queues: Queues
    parking: OrderParking
    now: Callable[[], int]
    chance: Callable[[], float]
    speed: int = 1

    def accept(self, body: str) -> None:
        """Carry out one call: accepted, refused, or again later.

        Args:
            body: the SQS message's body.

        Raises:
            TemporaryError: give it back to the queue.
            InvalidNotificationError: it is no call; after some attempts park reads it.
        """
        pointer = CallPointer.read(body)
        found = self.open_calls.read(pointer)
        if found is None:
            return  # carried out, or parked
        if found.open_call.call.synchronous:
            raise InvalidNotificationError("a call of a synchronous rule, for another station")
        try:
            if found.organization_is_active:
                self._carry_out(found.open_call)
            else:
                dropped = dropped_fact(found.open_call.call, self.now())
                self.transit.commit(Commit([EndCall(found.open_call)], [dropped]))
        except PermanentError as error:
            self.parking.park_order(found.open_call.call, error.cause)

    def _carry_out(self, open_call: OpenCall) -> None:
        early = open_call.due_ms - self.now()
        if early > 0:
            self.queues.send([open_call.call], delay_s=delay_s(early))
            return
        number = open_call.failed + 1
        fact = self.caller.tell(open_call.call, number)
        if fact.data.get("failure") in PASSING and number < MOST_ATTEMPTS:
            due = self.now() + RetrySchedule().gap_ms(open_call.failed, self.chance(), self.speed)
            postponed = self.transit.commit(Commit([PostponeCall(open_call, due)], [fact]))
            if postponed is Outcome.DONE:
                self.queues.send([open_call.call], delay_s=delay_s(due - self.now()))
            return
        self.transit.commit(Commit([EndCall(open_call)], [fact]))
