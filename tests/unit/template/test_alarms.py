"""Alarms: each failure rings exactly its own, which ends when the failure is over; what costs nothing rings none.

Failures of records go through the real loop over a batch, counts of facts through the real projection, both into lines
of the log that CloudWatch reads. What only AWS measures is put in as its metric.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pytest
from aws_lambda_powertools import Logger

from postroom.adapters.aws.attempts import Attempts
from postroom.adapters.aws.batches import SqsBatch, SqsRecord
from postroom.adapters.aws.metrics import EmbeddedMetrics, EmbeddedStackMetrics
from postroom.errors import StoreUnavailableError
from postroom.ledger import counting
from postroom.model.facts import EventName, OwnFact
from postroom.model.transmissions import Answer
from postroom.outbound.timetable import LONGEST_GAP_MS
from postroom.ports.metrics import PARKED_OPEN, SWEEP_BEHIND
from postroom.ports.transit import Commit
from tests.support.alarm_evaluation import Alarm, CloudWatch, read_alarm
from tests.support.builders import bounce, provider_call
from tests.support.facts import own
from tests.support.memory_mail_system import MemoryMailSystem
from tests.support.outbound import MAIL

from .conftest import Template, subject

MINUTE: Final = 60
BEFORE, DURING, AFTER = 60, 120, 90  # minutes
GAP: Final = LONGEST_GAP_MS // 60_000
VISIBILITY_MINUTES: Final = 6
SPACE: Final = "MetricsNamespace"  # the parameter, which the alarms refer to
CARL: Final = "carl@example.org"
AGE: Final = "ApproximateAgeOfOldestMessage"
IN_FLIGHT: Final = "ApproximateNumberOfMessagesNotVisible"
WORK: Final = (
    *("Ingest", "Deliver", "RunSyncRule", "RunAsyncRule", "UpdateCalendar", "Bounce", "AcceptOutbound", "Transmit"),
    *("Feedback", "PlanExport", "PackExport", "SealExport", "ImportMailbox", "Audit"),
)
"""The stations' queues; a list on purpose."""
RETRIES: Final = {"RetryEventsQueue", "RetryAuditQueue"}
"""Queues whose messages are meant to get old; what is retried in vain is parked."""


@dataclass
class Counts:
    """``AttemptCounts`` in memory, for records that fail only by an exception."""

    failures: dict[str, int] = field(default_factory=dict)

    def of(self, name: str) -> Attempts:
        return Attempts(failed=self.failures.get(name, 0))

    def begin(self, name: str) -> None:
        self.failures.setdefault(name, 0)

    def failed(self, name: str, *, begun: bool) -> Attempts:
        self.failures[name] = self.failures.get(name, 0) + 1
        return Attempts(failed=self.failures[name])

    def over(self, name: str) -> None:
        self.failures.pop(name, None)


@dataclass
class World:
    """A stack in its steps of a minute. ``now`` is in seconds."""

    cloud: CloudWatch
    system: MemoryMailSystem = field(default_factory=MemoryMailSystem)
    now: int = 0
    messages: dict[str, tuple[int, int]] = field(default_factory=dict)
    """What a queue holds: by message id, when it is due and how often it was received."""
    bad: set[str] = field(default_factory=set)
    is_down: bool = False

    def __post_init__(self) -> None:
        self.metrics = EmbeddedStackMetrics(SPACE, self.cloud.read_line, lambda: self.now * 1000)
        self.counts = EmbeddedMetrics(SPACE, self.cloud.read_line)
        attempts: Any = Counts()
        dead_letters: Any = self
        self.batch = SqsBatch(Logger(service="alarms", level="CRITICAL"), attempts, self.metrics, dead_letters)

    def send(self, body: str, cause: str) -> None:
        """Park a dead letter, as park does."""
        order = bounce(body)
        self.system.transit.commit(Commit(orders=[order]))
        self.system.parking.park_order(order, cause)

    def put(self, namespace: str, name: str, value: float, dimension: str = "") -> None:
        self.cloud.put(self.now, namespace, name, value, dimension)

    def accept(self, record: SqsRecord) -> None:
        if self.is_down or record.message_id in self.bad:
            raise StoreUnavailableError("no answer")

    def hand_out(self) -> None:
        """Process what is due; what fails comes again after the visibility timeout."""
        due = [name for name, (at, _) in self.messages.items() if at <= self.now]
        records = [
            {
                "messageId": name,
                "body": name,
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:deliver",
                "attributes": {"ApproximateReceiveCount": str(self.messages[name][1] + 1)},
            }
            for name in due
        ]
        answer = self.batch.process({"Records": records}, self.accept, lambda: 60_000)
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        for name in due:
            _, receives = self.messages.pop(name)
            if name in failed:
                self.messages[name] = (self.now + VISIBILITY_MINUTES * MINUTE, receives + 1)

    def usual(self, *, without: frozenset[str]) -> None:
        """Do what happens every minute."""
        for queue in (f"{name}Queue" for name in WORK):
            if queue not in without:
                self.put("AWS/SQS", AGE, 0, queue)
        if "DeadLetterQueue" not in without:
            self.put("AWS/SQS", IN_FLIGHT, 0, "DeadLetterQueue")
        self.messages[f"m{self.now}"] = (self.now, 0)
        self.hand_out()
        if self.now % 900 == 0 and "sweep" not in without:
            self.metrics.record({PARKED_OPEN: len([*self.system.parking.list()]), SWEEP_BEHIND: 0})

    def discard_all(self) -> None:
        for parked in [*self.system.parking.list()]:
            assert self.system.parking.discard(parked)


Step = Callable[[World], None]


@dataclass(frozen=True)
class Failure:
    """``during`` happens in each of its ``minutes``, ``end`` after them; ``stops`` is what does not happen as usual."""

    alarm: str
    during: Step
    end: Step = World.discard_all
    stops: frozenset[str] = frozenset()
    minutes: int = DURING
    after: int = AFTER
    """Minutes after its end in which the alarm has ended."""


def metric(namespace: str, name: str, value: float, dimension: str = "") -> Step:
    return lambda world: world.put(namespace, name, value, dimension)


def errors_of(function: str) -> Failure:
    return Failure(f"{function}ErrorsAlarm", metric("AWS/Lambda", "Errors", 1, function))


def late(queue: str) -> Failure:
    """Nothing reads a queue: its oldest message gets older."""
    return Failure(f"{queue}AgeAlarm", metric("AWS/SQS", AGE, 9 * 3600, queue), stops=frozenset({queue}))


def down(world: World) -> None:
    world.is_down = True
    for number in range(5):
        world.messages[f"busy{world.now}-{number}"] = (world.now, 0)


def up(world: World) -> None:
    world.is_down = False
    world.discard_all()


def one_bad_record(world: World) -> None:
    if not world.bad:
        world.bad.add("poison")
        world.messages["poison"] = (world.now, 0)


def parked_order(world: World) -> None:
    if world.now == BEFORE * MINUTE:
        world.send("ann@acme.test", "KeyUnavailableError: disabled")


def failing_rule(world: World) -> None:
    fact = own(OwnFact.RULE_ATTEMPTED, at=world.now * 1000, failure="no answer")
    counting.count([fact], world.counts)


def failing_provider(world: World) -> None:
    counting.count([provider_call().ended(world.now * 1000, "refused")], world.counts)


def waiting_mail(world: World) -> None:
    """A message that has waited for four hours is tried again as late as the timetable allows."""
    if (world.now // MINUTE - BEFORE) % GAP == 0:
        counting.count([own(OwnFact.TRANSMIT_DEFERRED, at=world.now * 1000, delayed=2)], world.counts)


FAILURES: Final[dict[str, Failure]] = {
    "a service is down for 20 minutes": Failure("FailedRecordsAlarm", down, up, minutes=20),
    "a record that always fails is parked": Failure("ParkedOpenAlarm", one_bad_record),
    "mail is parked at once": Failure("ParkedOpenAlarm", parked_order),
    "Lambda throttles": Failure("ThrottlesAlarm", metric("AWS/Lambda", "Throttles", 3)),
    "the ledger's stream is late": Failure(
        "RecordEventsFunctionIteratorAgeAlarm", metric("AWS/Lambda", "IteratorAge", 3_600_000, "RecordEventsFunction")
    ),
    "the sweep is behind": Failure("SweepBehindAlarm", metric(SPACE, SWEEP_BEHIND, 7200)),
    "there is no sweep": Failure("SweepBehindAlarm", lambda _: None, stops=frozenset({"sweep"})),
    "park cannot record a dead letter": Failure(
        "DeadLetterQueueAlarm",
        metric("AWS/SQS", IN_FLIGHT, 1, "DeadLetterQueue"),
        stops=frozenset({"DeadLetterQueue"}),
    ),
    "a rule's function fails": Failure("RuleFunctionFailureAlarm", failing_rule),
    "a provider of free/busy information fails": Failure("AvailabilityProviderFailureAlarm", failing_provider),
    "a gateway takes no mail": Failure("OutgoingEmailDelayedAlarm", waiting_mail, minutes=2 * GAP + 5, after=260),
    "the API fails": Failure("ApiServerErrorsAlarm", metric("AWS/ApiGateway", "5XXError", 1, "AWS::StackName")),
    **{
        f"{function} fails": errors_of(function)
        for function in (
            "SweepFunction",
            "RemoveMailboxesFunction",
            "DeleteOrganizationsFunction",
            "WriteAuditDigestsFunction",
            "SubmitFunction",
            "QueryAvailabilityFunction",
            "AuthenticateFunction",
            "EwsFunction",
        )
    },
    **{f"nothing reads {name}Queue": late(f"{name}Queue") for name in WORK},
}


def name_of(value: Any) -> str:
    """Return the logical id or parameter that an intrinsic names; of the second API's name its text."""
    match value:
        case {"Fn::Sub": str(text)}:
            return text.replace("${", "").replace("}", "")
        case _:
            return subject(value)


@pytest.fixture(scope="session")
def alarms(template: Template) -> dict[str, Alarm]:
    found = template.of_type("AWS::CloudWatch::Alarm")
    return {name: read_alarm(each["Properties"], name_of) for name, each in found.items()}


def rung(alarms: dict[str, Alarm], failure: Failure | None) -> tuple[set[str], set[str], set[str]]:
    """Return the alarms that rang before and during a failure, and those that are left when it is long over."""
    world = World(CloudWatch(alarms))
    over = BEFORE + (failure.minutes if failure else DURING)
    minutes = max(over, BEFORE + DURING) + (failure.after if failure else AFTER)
    assert minutes % 5 == 0, "the last minute is evaluated"
    parts: tuple[set[str], set[str], set[str]] = (set(), set(), set())
    for minute in range(minutes):
        world.now = minute * MINUTE
        is_on = failure is not None and BEFORE <= minute < over
        if failure and is_on:
            failure.during(world)
        if failure and minute == over:
            failure.end(world)
        world.usual(without=failure.stops if failure and is_on else frozenset())
        if minute % 5 == 4 and minute >= BEFORE // 2:  # the first sweeps have been
            ringing = world.cloud.evaluate(world.now + MINUTE)
            if minute < BEFORE:
                parts[0].update(ringing)
            elif minute < over:
                parts[1].update(ringing)
            elif minute == minutes - 1:
                parts[2].update(ringing)
    return parts


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_rings_exactly_its_alarm_which_ends_with_it(alarms: dict[str, Alarm], name: str) -> None:
    failure = FAILURES[name]
    assert rung(alarms, failure) == (set(), {failure.alarm}, set())


def test_where_a_service_is_down_for_longer_its_mail_is_parked_too(alarms: dict[str, Alarm]) -> None:
    both = {"FailedRecordsAlarm", "ParkedOpenAlarm"}
    assert rung(alarms, Failure("", down, up)) == (set(), both, set())


def test_where_nothing_fails_no_alarm_rings(alarms: dict[str, Alarm]) -> None:
    assert rung(alarms, None) == (set(), set(), set())


def test_a_record_that_fails_once_rings_none(alarms: dict[str, Alarm]) -> None:
    def fails_once(world: World) -> None:
        name = f"m{BEFORE * MINUTE}"
        (world.bad.add if world.now == BEFORE * MINUTE else world.bad.discard)(name)

    assert rung(alarms, Failure("", fails_once)) == (set(), set(), set())


def test_without_a_sweep_what_is_parked_goes_on_ringing(alarms: dict[str, Alarm]) -> None:
    def parks_and_stops(world: World) -> None:
        parked_order(world)
        if world.now < (BEFORE + 30) * MINUTE:
            world.usual(without=frozenset())

    failure = Failure("", parks_and_stops, stops=frozenset({"sweep"}))
    _, during, after = rung(alarms, failure)
    assert (during, after) == ({"ParkedOpenAlarm", "SweepBehindAlarm"}, set())


@pytest.mark.parametrize("chance", [0.0, 0.999])
def test_mail_that_ses_does_not_take_rings_from_the_fourth_hour_until_it_is_through(
    alarms: dict[str, Alarm], chance: float
) -> None:
    name, system = "OutgoingEmailDelayedAlarm", MemoryMailSystem()
    cloud = CloudWatch({name: alarms[name]})
    counts, counted = EmbeddedMetrics(SPACE, cloud.read_line), set[str]()
    system.transmit = replace(system.transmit, chance=lambda: chance)
    system.user("ann")
    system.ses.answers[CARL] = [Answer.temporary("4.3.5", "Amazon SES: SendingPausedException")] * 99
    trace = system.send("ann", MAIL, CARL).trace
    rung_at, through = list[int](), 0
    for minute in range(0, 30 * 60, 5):
        system.later = minute * 60_000
        if minute == 20 * 60:
            system.ses.answers.clear()
        system.queues.queues["transmit"].extend(body for body, _ in system.queues.later.pop("transmit", ()))
        system.go_out()
        facts = [fact for fact in system.ledger.facts(trace) if fact.key not in counted]
        counting.count(facts, counts)
        counted |= {fact.key for fact in facts}
        through = next((minute for fact in facts if fact.name is EventName.OUTGOING_EMAIL_SENT), through)
        rung_at += [minute] * (name in cloud.evaluate(system.now() // 1000))
    assert 240 <= rung_at[0] <= 260
    assert rung_at == [*range(rung_at[0], rung_at[-1] + 1, 5)]
    assert 20 * 60 <= through <= rung_at[-1] <= through + 245


def test_every_alarm_has_a_failure_that_rings_it(alarms: dict[str, Alarm]) -> None:
    assert {failure.alarm for failure in FAILURES.values()} == set(alarms)
    assert len(FAILURES) >= 12


def test_every_queue_of_a_station_has_an_alarm_of_its_age(template: Template) -> None:
    queues = template.of_type("AWS::SQS::Queue").keys() - {"DeadLetterQueue"} - RETRIES
    assert {f"{name}Queue" for name in WORK} == queues


def test_every_alarm_notifies_the_topic_if_there_is_one(template: Template) -> None:
    for name, each in template.of_type("AWS::CloudWatch::Alarm").items():
        assert each["Properties"]["AlarmActions"]["Fn::If"][0] == "HasAlarmTopic", name
        assert each["Properties"]["AlarmDescription"], name


def test_the_dashboard_is_one_of_those_that_are_free_and_shows_each_queue(template: Template) -> None:
    """An account's first three dashboards are free up to 50 metrics each. Source: CloudWatch's pricing page."""
    ((_, resource),) = template.of_type("AWS::CloudWatch::Dashboard").items()
    text = resource["Properties"]["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(text)["widgets"]
    shown = [metric for widget in widgets for metric in widget["properties"]["metrics"]]
    assert len(shown) <= 50
    ages = {metric[3] for metric in shown if metric[1] == AGE}
    assert ages == {f"${{{name}.QueueName}}" for name in template.of_type("AWS::SQS::Queue")}
    known = {*template.resources, *template.body["Parameters"], "AWS::Region", "AWS::StackName"}
    assert {name.split(".")[0] for name in re.findall(r"\$\{([^}]+)\}", text)} <= known
