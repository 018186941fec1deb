"""The station: what SES reports of a message that it has taken becomes facts of the message's flow.

An event leads to its flow by the tags with which the message was sent. SES may publish an event more than once, and in
any order: each fact has a key, and is recorded once. One transaction records an event's facts with the order to tell
the sender; stopped after it, the next attempt sends the order again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.contracts.orders import DELAYED_PREFIX, BounceOrder
from postroom.contracts.outbound_orders import ended_by
from postroom.contracts.ses_events import JOURNAL, read_event
from postroom.errors import ConflictError
from postroom.model.facts import SUBMITTED, OwnFact
from postroom.model.recipient_names import RecipientNames
from postroom.outbound.feedback import Feedback, once_each
from postroom.outbound.journal_feedback import JournalFeedback
from postroom.outbound.timetable import NOTICE_MS
from postroom.ports.transit import Commit, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from postroom.contracts.orders import Order
    from postroom.contracts.ses_events import SesEvent
    from postroom.model.facts import Fact
    from postroom.ports.ledger import Ledger
    from postroom.ports.queues import Queues
    from postroom.ports.transit import Transit

MOST_FACTS: Final = 25
"""Most facts of one transaction; SES names at most 50 recipients in an event. Ours."""


@dataclass(frozen=True, slots=True)
class RecordFeedback:
    """Records events of SES. ``now`` gives milliseconds since the epoch; ``notice_ms`` is as for ``Feedback``."""

    ledger: Ledger
    transit: Transit
    queues: Queues
    now: Callable[[], int]
    notice_ms: int = NOTICE_MS

    def accept(self, body: str) -> None:
        """Record one event. One of a message that no flow has sent, or no longer is known, is passed over.

        Args:
            body: the SQS message's body.

        Raises:
            TemporaryError: a table or queue did not answer: give it back to the queue.
            InvalidNotificationError: it is no event; after some attempts park reads it.
        """
        event = read_event(body)
        if event.mail.purpose == JOURNAL:
            self.journal.accept(event)
            return
        submitted = self._submitted(event)
        if submitted is None:
            return
        known = self.ledger.facts(submitted.trace)
        feedback = Feedback(submitted, event, self.notice_ms, _recipients(submitted, known).meant_by)
        facts, keys = once_each(feedback.facts()), {fact.key for fact in known}
        for number, start in enumerate(range(0, len(facts), MOST_FACTS)):
            name = f"{feedback.name}:{number}" if number else feedback.name
            chunk = facts[start : start + MOST_FACTS]
            self._record(submitted.trace, [fact for fact in chunk if fact.key not in keys], name)

    @property
    def journal(self) -> JournalFeedback:
        """What events about journal reports lead to: their flow may be one of received mail."""
        return JournalFeedback(self.ledger, self.transit, self.queues, self.now)

    def _submitted(self, event: SesEvent) -> Fact | None:
        found = self.ledger.fact(event.mail.trace, SUBMITTED) if event.mail.trace else None
        return found if found and found.organization_id == event.mail.organization_id else None

    def _record(self, trace: str, new: Sequence[Fact], name: str) -> None:
        """Record facts that are new, with the order to tell of them; send that order."""
        if not new:  # recorded before: its order may not have been sent
            self.queues.send(self._open(trace, name))
            return
        told = next((fact for fact in new if _is_told(fact)), None)
        orders = [] if told is None else [_telling(told, name, self.now())]
        if self.transit.commit(Commit(facts=new, orders=orders)) is not Outcome.DONE:
            raise ConflictError("another run records the same event")
        self.queues.send(orders)

    def _open(self, trace: str, name: str) -> list[Order]:
        """Return the order to tell of an event, if it is open."""
        keys = {f"bounce:{name}", f"bounce:{DELAYED_PREFIX}{name}"}
        return [each for each in self.transit.open_orders(trace) if each.key in keys]


def _is_told(fact: Fact) -> bool:
    """Say whether the sender is to be told of a fact."""
    if fact.name is OwnFact.DELIVERY_DELAYED:
        return bool(fact.data["isLate"])
    return "complaint" not in fact.data


def _recipients(submitted: Fact, known: Iterable[Fact]) -> RecipientNames:
    """Return the recipients of a message: its sender named them, or a rule's function added them.

    Args:
        known: the facts of its flow.
    """
    ended = (ended_by(fact.key) for fact in known)
    return RecipientNames.of((*submitted.event["recipients"], *(each for each in ended if each is not None)))


def _telling(fact: Fact, name: str, now: int) -> BounceOrder:
    """Return the order to tell the sender of an event."""
    prefix = DELAYED_PREFIX if fact.name is OwnFact.DELIVERY_DELAYED else ""
    return BounceOrder(trace=fact.trace, organization_id=fact.organization_id, name=f"{prefix}{name}", since=now)
