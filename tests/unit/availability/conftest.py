"""A station with everything around it in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import pytest

from postroom.adapters.memory.availability_passwords import MemoryAvailabilityPasswords
from postroom.adapters.memory.directory import MemoryDirectory
from postroom.adapters.memory.ews_servers import MemoryEwsServers
from postroom.adapters.memory.rule_functions import MemoryRuleFunctions
from postroom.adapters.memory.tables import MemoryTables
from postroom.adapters.memory.transit import MemoryTransit
from postroom.availability.cache import Cache
from postroom.availability.cap import CapCaller
from postroom.availability.ews import EwsCaller
from postroom.availability.internal import InternalMailboxes
from postroom.availability.provider_test import ProviderTesting
from postroom.availability.providers import Providers
from postroom.availability.query import AvailabilityQuery
from postroom.availability.rests import Rests
from postroom.model.availability import EwsProvider, LambdaProvider
from postroom.model.free_busy import BusyEvent, BusyType, EventDetails, MailboxFailure, Question, Requester
from postroom.model.function_policy import availability_principal
from postroom.model.records import Insert
from tests.support.builders import NOON, arn
from tests.support.directory_records import ORG, availability, claim, domain, organization, user

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from postroom.model.facts import Fact
    from postroom.model.free_busy import MailboxResult, WorkingHours
    from postroom.model.records import Record

HOUR: Final = 3_600_000
ACCOUNT: Final = "123456789012"
FUNCTION: Final = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:cap"
ENDPOINT: Final = "https://mail.example.net/EWS/Exchange.asmx"
ANN: Final = Requester("ann@acme.test", "ann", ORG, "ann", "192.0.2.1")
TEA: Final = BusyEvent(NOON, NOON + HOUR, BusyType.BUSY, EventDetails("Tea"))


def permission(**condition: Any) -> dict[str, Any]:
    """Return what the guide's command writes, or another condition."""
    wanted = {"StringEquals": {"AWS:SourceAccount": ACCOUNT}, "ArnLike": {"AWS:SourceArn": arn()}}
    return {
        "Effect": "Allow",
        "Principal": {"Service": availability_principal("us-east-1")},
        "Action": "lambda:InvokeFunction",
        "Resource": FUNCTION,
        "Condition": condition or wanted,
    }


def busy(mailbox: str, hour: int = 0) -> dict[str, Any]:
    """Return a function's entry for a mailbox with one event."""
    return {
        "mailbox": mailbox,
        "events": [
            {"startTime": f"2026-11-24T{12 + hour}:00:00Z", "endTime": "2026-11-24T20:00:00Z", "busyType": "BUSY"}
        ],
    }


@dataclass
class Calendars:
    """Calendars by mailbox: events, or what is raised, or done."""

    of: dict[str, Sequence[BusyEvent] | Exception | Callable[[], Sequence[BusyEvent]]] = field(default_factory=dict)
    hours: WorkingHours | None = None
    requesters: list[str] = field(default_factory=list)

    def ask(
        self, mailbox_id: str, start_ms: int, end_ms: int, *, requester_id: str
    ) -> tuple[Sequence[BusyEvent], WorkingHours | None]:
        self.requesters.append(requester_id)
        found = self.of.get(mailbox_id, ())
        if isinstance(found, Exception):
            raise found
        events = found() if callable(found) else found
        return [event for event in events if event.start_ms < end_ms and event.end_ms > start_ms], self.hours


@dataclass
class World:
    """One organization, its calendars, and the providers of two other domains: example.org and example.net."""

    now_ms: int = NOON
    directory: MemoryDirectory = field(default_factory=MemoryDirectory)
    calendars: Calendars = field(default_factory=Calendars)
    lambdas: MemoryRuleFunctions = field(default_factory=MemoryRuleFunctions)
    servers: MemoryEwsServers = field(default_factory=MemoryEwsServers)
    passwords: MemoryAvailabilityPasswords = field(default_factory=MemoryAvailabilityPasswords)
    tables: MemoryTables = field(default_factory=MemoryTables)
    answer_within_s: float = 10

    def __post_init__(self) -> None:
        self.add(organization(), domain(), user("ann"), claim("ann@acme.test", user("ann")))
        self.add(availability("example.org", provider=LambdaProvider(FUNCTION)))
        self.add(availability("example.net", provider=EwsProvider(ENDPOINT, "svc", "v1")))
        self.lambdas.functions[FUNCTION] = self.cap
        self.lambdas.policies[FUNCTION] = {"Statement": [permission()]}
        self.passwords.put(ORG, "example.net", "v1", "secret")
        self.servers.accounts[ENDPOINT] = ("svc", "secret")
        self.servers.calendars[ENDPOINT] = {}
        self.said: Callable[[dict[str, Any]], Any] = lambda event: {
            "mailboxes": [busy(each) for each in event["mailboxes"]]
        }
        names = count(1)
        self.cap_caller = CapCaller(self.lambdas, self.lambdas, "us-east-1", ACCOUNT, self.now)
        self.ews_caller = EwsCaller(self.servers, self.passwords, self.now)
        self.transit: Any = MemoryTransit(self.tables, self.now)
        self.providers = Providers(
            {LambdaProvider: self.cap_caller, EwsProvider: self.ews_caller},
            Cache(self.now),
            Rests(self.now),
            self.transit,
            self.now,
            lambda: f"id-{next(names)}",
        )

    def now(self) -> int:
        return self.now_ms

    def add(self, *records: Record) -> None:
        self.directory.commit([Insert(record) for record in records])

    def cap(self, event: bytes) -> bytes:
        return json.dumps(self.said(json.loads(event))).encode()

    def query(self) -> AvailabilityQuery:
        internal = InternalMailboxes(self.directory, self.calendars, self.directory)
        return AvailabilityQuery(self.directory, self.directory, internal, self.providers, arn, self.answer_within_s)

    def testing(self) -> ProviderTesting:
        return ProviderTesting(self.cap_caller, self.ews_caller, arn, self.now)

    def ask(self, *mailboxes: str, requester: Requester = ANN, **changes: Any) -> tuple[MailboxResult, ...]:
        question = replace(Question(requester, mailboxes, NOON - HOUR, NOON + 24 * HOUR), **changes)
        answered = self.query().answer(question, "request-1")
        assert answered.troubles == ()
        return answered.results

    def codes(self, *mailboxes: str) -> list[str]:
        """Return the code of each mailbox's failure, or ``ok``."""
        return [each.code.value if isinstance(each, MailboxFailure) else "ok" for each in self.ask(*mailboxes)]

    @property
    def events(self) -> list[dict[str, Any]]:
        """What the function was asked, in order."""
        return [json.loads(event) for _, event in self.lambdas.calls]

    @property
    def facts(self) -> list[Fact]:
        return [fact for facts in self.tables.facts.values() for fact in facts.values()]


@pytest.fixture
def world() -> World:
    return World()
