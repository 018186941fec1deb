"""Recipients submitted = sent + bounced + dropped + open, whatever rules, answers and stops there are."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.contracts.outbound_orders import InsideOrder, TransmitOrder, end_key
from postroom.model.facts import EventName
from postroom.model.records import Insert
from postroom.model.relay_answers import RelayResult
from postroom.model.rules import ActionType
from postroom.model.transmissions import Answer
from postroom.outbound.transmit import AGAIN_AFTER_MS
from tests.support.memory_mail_system import MemoryMailSystem
from tests.support.outbound import outbound
from tests.support.stops import StoppedError, Stopping, Stops
from tests.unit.outbound.conftest import BUSY, GATEWAY, MAIL, NO_SUCH, relayed

if TYPE_CHECKING:
    from postroom.model.relay_answers import RelayAnswer

PORTS: Final = ("owners", "gateways", "transit", "open", "ledger", "ses", "relays", "queues")
RECIPIENTS: Final = (
    *(f"{name}@example.org" for name in ("a", "b", "c")),
    *(f"{name}@relayed.example" for name in ("d", "e", "f")),
    *("g@refused.example", "h@dropped.example", "ben@acme.test"),
)
BY_SES: Final = [
    Answer.accepted("id"),
    BUSY,
    NO_SUCH,
    replace(NO_SUCH, is_shared=True),
    Answer.temporary("4.4.2", "no answer", may_have_arrived=True),
]
BY_GATEWAY: Final = [
    relayed(RelayResult.ACCEPTED, "2.0.0", "queued", code=250),
    relayed(RelayResult.TEMPORARY, "4.2.1", "busy", code=450),
    relayed(RelayResult.PERMANENT, "5.1.1", "no such user", code=550),
    relayed(RelayResult.TEMPORARY, "4.4.2", "closed", may=True),
]
STOPS: Final = st.one_of(st.none(), st.tuples(st.integers(1, 9), st.booleans()))


@dataclass
class Run:
    """One submission, and what was done about it."""

    system: MemoryMailSystem
    trace: str
    recipients: list[str]
    stops: int = 0
    stopped: set[str] = field(default_factory=set)
    """Bodies of messages that come again."""

    def states(self, recipient: str) -> list[str]:
        """Return the states in which a recipient is: exactly one is right."""
        facts = {fact.key: fact for fact in self.system.ledger.facts(self.trace)}
        found = []
        if (end := facts.get(end_key(recipient))) is not None:
            found.append(str(end.name))
        applied = [fact for fact in facts.values() if fact.name is EventName.RULE_APPLIED and fact.data["final"]]
        if any(recipient in action["recipients"] for fact in applied for action in fact.event["ruleActions"]):
            found.append("dropped")
        for order in self.system.transit.open_orders(self.trace):
            if isinstance(order, TransmitOrder | InsideOrder) and recipient in order.recipients and end is None:
                found.append("open")
        return found

    def check(self) -> None:
        assert {each: len(self.states(each)) for each in self.recipients} == dict.fromkeys(self.recipients, 1)

    def transmit(self, body: str, stop: tuple[int, bool] | None) -> bool:
        """Carry one order out; ``False`` if it was stopped, and its message comes again."""
        station = self.system.transmit
        if stop is not None:
            stops = Stops(*stop)
            ports: dict[str, Any] = {name: Stopping(getattr(station, name), stops) for name in PORTS}
            station = replace(station, **ports)
        try:
            station.accept(body, again=body in self.stopped)
        except StoppedError:
            self.stops += 1
            self.stopped.add(body)
            return False
        return True

    def run(self, stops: deque[tuple[int, bool] | None]) -> None:
        """Carry everything out, with stops as long as there are any."""
        now, later = self.system.queues.queues["transmit"], self.system.queues.later["transmit"]
        self.system.pump()
        self.check()
        while now or later:
            if not now:
                body, delay_s = later.popleft()
                self.system.later += delay_s * 1000
                now.append(body)
            body = now.popleft()
            if not self.transmit(body, stops.popleft() if stops else None):
                self.system.later += AGAIN_AFTER_MS
                now.append(body)
            self.check()
            self.system.pump()
            self.check()

    def delivered(self) -> Counter[str]:
        """Return how often each recipient outside was sent the message, as far as the other side knows."""
        by_gateway = [each for relayed in self.system.relays.relayed for each in relayed.recipients]
        return Counter([*(each for each, _ in self.system.ses.sent), *by_gateway])


def submitted(recipients: list[str], answers: dict[str, list[Any]]) -> Run:
    system = MemoryMailSystem()
    system.user("ann")
    system.user("ben")
    system.directory.commit([Insert(GATEWAY)])
    system.rules(
        outbound(ActionType.DROP, recipients="dropped.example", id="r1"),
        outbound(ActionType.BOUNCE, recipients="refused.example", id="r2"),
        outbound(ActionType.SMTP_GATEWAY, recipients="relayed.example", id="r3", gateway=GATEWAY.id),
    )
    by_ses: dict[str, list[Answer]] = {}
    by_gateway: dict[str, list[RelayAnswer]] = {}
    for recipient in recipients:
        if recipient.endswith("@relayed.example"):
            by_gateway[recipient] = [BY_GATEWAY[number % len(BY_GATEWAY)] for number in answers[recipient]]
        else:
            by_ses[recipient] = [BY_SES[number] for number in answers[recipient]]
    system.ses.answers, system.relays.answers = by_ses, by_gateway
    return Run(system, system.send("ann", MAIL, *recipients).trace, recipients)


@settings(max_examples=60)
@given(
    recipients=st.lists(st.sampled_from(RECIPIENTS), min_size=1, max_size=len(RECIPIENTS), unique=True),
    answers=st.fixed_dictionaries({each: st.lists(st.integers(0, len(BY_SES) - 1), max_size=4) for each in RECIPIENTS}),
    stops=st.lists(STOPS, max_size=6).map(deque),
)
def test_every_recipient_is_in_one_state_at_any_time_and_has_an_end(
    recipients: list[str], answers: dict[str, list[int]], stops: deque[tuple[int, bool] | None]
) -> None:
    run = submitted(recipients, answers)
    run.run(stops)
    final = {each: run.states(each)[0] for each in recipients}
    assert "open" not in final.values()
    assert not [*run.system.transit.open_orders(run.trace)], "no order is left, those to tell of refusals included"
    for recipient, times in run.delivered().items():
        uncertain = sum(number == len(BY_SES) - 1 or number == len(BY_GATEWAY) - 1 for number in answers[recipient])
        assert times <= 1 + uncertain + run.stops, "sent again without a stop or a missing answer"
    if not run.stops:
        for recipient, state in final.items():
            assert state != "OUTGOING_EMAIL_SENT" or recipient == "ben@acme.test" or run.delivered()[recipient]


def test_the_stations_ports_are_all_stopped() -> None:
    values = {"read", "parking", "now", "chance", "new_run", "pause", "times", "again_after_ms"}
    assert {each.name for each in fields(MemoryMailSystem().transmit)} == {*PORTS, *values}
