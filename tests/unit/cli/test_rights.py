"""Which rights a command needs, and what it says without one of them."""

import itertools
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import pytest

from cli import running
from cli.errors import RefusedError
from cli.repository import repository_root
from cli.samples import SampleRunner, Samples
from postroom.bootstrap import flow_parts
from postroom.model.limits import HOUR_MS
from tests.support.builders import NOON, transmission
from tests.support.calendars import vcalendar, vevent
from tests.support.in_process import InProcessStack, deployed
from tests.support.waiting_orders import let_wait, now_ms
from tests.support.watched_rights import Right, Watched

from .conftest import Run

ADA: Final = "ada@sample.example"
SAMPLES: Final = ("ingest", "deliver", "ingest_malformed", "query_availability")

COMMANDS: Final[dict[str, tuple[str, ...]]] = {
    "trace": ("trace", "--message-id", "<minutes.20261120@example.net>"),
    "mailbox list": ("mailbox", "list", ADA),
    "mailbox show": ("mailbox", "show", ADA, "ITEM"),
    "events": ("events",),
    "rebuild": ("rebuild", "ORGANIZATION"),
    "rules list": ("rules", "list"),
    "grants list": ("grants", "list"),
    "away set": ("away", "set", ADA, "Away"),
    "availability": ("availability", ADA),
    "submit": ("submit", "large.eml", "--as", ADA),
    "calendar list": ("calendar", "list", ADA),
    "calendar import": ("calendar", "import", ADA, "one.ics"),
    "calendar hours": ("calendar", "hours", ADA),
    "export": ("export", ADA, "--to", "EXPORTS", "--format", "maildir"),
    "import": ("import", ADA, "mail"),
    "audit verify": ("audit", "verify", "--organization", "ORGANIZATION"),
    "audit search": ("audit", "search", "--organization", "ORGANIZATION"),
    "parked list": ("parked", "list"),
    "parked show": ("parked", "show", "PARKED"),
    "parked redrive": ("parked", "redrive", "PARKED"),
    "parked discard": ("parked", "discard", "PARKED"),
    "queue list": ("queue", "list", "--organization", "ORGANIZATION"),
    "queue retry": ("queue", "retry", "WAITING"),
    "queue retry --all": ("queue", "retry", "--all"),
}

NOT_TRIED: Final = {
    "FindTheStack",  # test_running.py
    "LookUpLogsOfFunctions",  # test_own_events.py
    "ReadAuditRecords",  # test_audit.py, in buckets
    "ListAuditRecords",
    "UseTheStackKeyThroughServices",  # services use it for the caller
}

NOT_ALWAYS: Final = {
    "dynamodb:ConditionCheckItem",  # where a transaction also checks a row that it does not write
    "logs:DescribeDeliveryDestinations",  # where CloudWatch Logs has deliveries of an organization
    "logs:DescribeDeliverySources",
}

NUMBERS: Final = itertools.count()


@pytest.fixture(scope="module")
def watched() -> Watched:
    return Watched()


@pytest.fixture(scope="module")
def stack(watched: Watched) -> Iterator[InProcessStack]:
    with deployed() as stack:
        running.session.cache_clear()
        watched.attach()
        watched.within(stack)
        samples = Samples.read(repository_root() / "events")
        runner = SampleRunner.of(stack, samples)
        for name in SAMPLES:
            found = next(each for each in ("ingest", "deliver", "query_availability") if name.startswith(each))
            assert not runner.run(samples.by_name[name], found).wrong
        yield stack
        running.session.cache_clear()


@pytest.fixture(autouse=True)
def found(stack: InProcessStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(running, "find", lambda: stack)
    monkeypatch.setattr(running, "workmail", lambda: stack.client("workmail"))
    monkeypatch.setattr("postroom.bootstrap.clock.pause", lambda _attempt: None)
    monkeypatch.chdir(tmp_path)


def prepared(stack: InProcessStack, number: int) -> dict[str, str]:
    """Put what is new for each command into this folder and into the stack; return what the capitals stand for."""
    Path("one.ics").write_bytes(vcalendar(vevent(f"one{number}", NOON, summary="Lunch")))
    Path("large.eml").write_bytes(f"From: {ADA}\r\nTo: x@example.org\r\n\r\n".encode() + b"x\r\n" * 1_500_000)
    Path("mail").mkdir(exist_ok=True)
    Path("mail", "new.eml").write_bytes(f"Subject: {number}\r\n\r\nx\r\n".encode())
    flow_parts.flow_parking(flow_parts.FlowParkingSettings.read(stack.settings())).park_arrival(
        f"[{number}]", "because"
    )
    operator, workmail = stack.operator(), stack.client("workmail")
    waiting = transmission(trace=f"{number:032x}", organization_id=organization(workmail))
    let_wait(stack, waiting, now_ms() + HOUR_MS)
    user = operator.directory.resolve(organization(workmail), [ADA])[ADA].entity_id
    return {
        "ORGANIZATION": organization(workmail),
        "ITEM": operator.mailboxes.items(user, "INBOX", after_uid=0)[0].id,
        "WAITING": waiting.trace,
        "PARKED": next(iter(operator.parking.list())).id,
        "EXPORTS": f"exports{number}",
    }


def organization(workmail: Any) -> str:
    return str(workmail.list_organizations()["OrganizationSummaries"][0]["OrganizationId"])


def asked(run: Run, watched: Watched, stack: InProcessStack, command: str, denied: str = "") -> tuple[Any, set[Right]]:
    """Run a command, one action of which may be denied; return its result and the rights that it used."""
    words = prepared(stack, next(NUMBERS))
    with watched.by(denied) as used:
        result = run(*(words.get(each, each) for each in COMMANDS[command]))
    return result, used


@pytest.mark.parametrize("command", COMMANDS)
def test_the_operators_policy_allows_what_a_command_needs_and_a_command_names_what_it_is_denied(
    run: Run, watched: Watched, stack: InProcessStack, command: str
) -> None:
    _, used = asked(run, watched, stack, command)
    assert used
    assert {right for right in used if not any(allows(each, *right) for each in statements(stack))} == set()
    for action, resource in sorted(used):
        result, tried = asked(run, watched, stack, command, denied=action)
        assert isinstance(result.exception, RefusedError), action
        said = str(result.exception)
        wanted = action.lower() if action.startswith("sqs") else action
        assert f"not allowed: {wanted} on " in said
        assert any(f" on {each}" in said for name, each in tried if name == action), (said, resource)
        assert "\n" not in said


def test_the_operators_policy_allows_nothing_that_no_command_needs(
    run: Run, watched: Watched, stack: InProcessStack
) -> None:
    used = {right for command in COMMANDS for right in asked(run, watched, stack, command)[1]}
    for statement in statements(stack):
        if statement["Sid"] not in NOT_TRIED:
            needed = {action for action, resource in used if allows(statement, action, resource)}
            assert needed == set(listed(statement["Action"])) - NOT_ALWAYS, statement["Sid"]


def statements(stack: InProcessStack) -> list[dict[str, Any]]:
    policies = (stack.project.properties(name) for name in ("OperatorPolicy", "OperatorRecordsPolicy"))
    return [each for policy in policies for each in policy["PolicyDocument"]["Statement"]]


def allows(statement: dict[str, Any], action: str, resource: str) -> bool:
    return action in listed(statement["Action"]) and any(
        fnmatchcase(resource, each) for each in listed(statement["Resource"])
    )


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
