"""Free/busy information of a running stack: calendars, and a customer's availability provider under --functions."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from exchangelib import EWSDateTime
from exchangelib.errors import ErrorMailRecipientNotFound
from exchangelib.version import EXCHANGE_2010_SP2, Version

from tests.support.calendars import vcalendar, vevent
from tests.support.ews_client import BERLIN, ask, discovered, server
from tests.support.running_stack import PASSWORD, RunningStack, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

NAME: Final = "postroom-QueryAvailabilityFunction"
START: Final = 1_795_478_400_000
"""2026-11-24, midnight UTC, in milliseconds since the epoch."""

WINDOW: Final = ("--from", "2026-11-24", "--to", "2026-11-25")
ANN, BOB, LINUS = "ann@free.example", "bob@cap.example", "linus@there.example"

TEMPLATE: Final = """
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Resources:
  CapFunction:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src/, Handler: app.handler, Runtime: python3.12, Timeout: 60}
"""
CODE: Final = """
import time

DAY = "2026-11-24T"
HOURS = {
    "timezone": {
        "name": "W. Europe Standard Time",
        "bias": -60,
        "standardTime": {"offset": 0, "time": "03:00:00", "month": "OCT", "week": "LAST", "dayOfWeek": "SUN"},
        "daylightTime": {"offset": -60, "time": "02:00:00", "month": "MAR", "week": "LAST", "dayOfWeek": "SUN"},
    },
    "workingPeriods": [{"startMinutes": 450, "endMinutes": 945, "days": ["TUE", "FRI"]}],
}


def handler(event, context):
    asked = event["mailboxes"]
    if any(each.endswith("@hang.example") for each in asked):
        time.sleep(30)
    if any(each.endswith("@fail.example") for each in asked):
        raise ValueError("no such table")
    if any(each.endswith("@large.example") for each in asked):
        return {"mailboxes": [], "padding": "x" * 5_000_000}
    assert event["window"]["startDate"].endswith(".000Z"), event
    return {
        "mailboxes": [
            {
                "mailbox": each,
                "events": [
                    {
                        "startTime": DAY + "09:00:00Z",
                        "endTime": DAY + "10:30:00Z",
                        "busyType": "BUSY",
                        "details": {
                            "subject": "asked by " + event["requester"]["email"],
                            "location": event["requester"].get("origin", ""),
                            "instanceType": "SINGLE_INSTANCE",
                            "isMeeting": True,
                            "isReminderSet": False,
                            "isPrivate": False,
                        },
                    }
                ],
            }
            | ({"workingHours": HOURS} if each.startswith("hours") else {})
            for each in asked
        ]
        + [{"mailbox": "somebody@else.example", "events": []}]
    }
"""
DOMAINS: Final = ("cap", "hang", "fail", "large", "denied")


def arn(function: str, region: str = "us-east-1") -> str:
    return f"arn:aws:lambda:{region}:123456789012:function:{function}"


class Free:
    """A stack with one organization and providers of the domains of ``DOMAINS``."""

    def __init__(self, running: RunningStack, folder: Path) -> None:
        self.running, self.workmail = running, running.client("workmail")
        self.organization = running.organization("free")
        self.ann = running.user(self.organization, "ann", ANN)
        for name in DOMAINS:
            provider = {"LambdaArn": arn("CapFunction") if name != "denied" else arn("CapFunction", "eu-west-1")}
            domain = {"OrganizationId": self.organization, "DomainName": f"{name}.example"}
            self.workmail.create_availability_configuration(**domain, LambdaProvider=provider)
        there = running.organization("there")
        running.user(there, "linus", LINUS)
        ews = {"EwsEndpoint": running.environment["POSTROOM_EWS_URL"], "EwsUsername": LINUS, "EwsPassword": PASSWORD}
        self.workmail.create_availability_configuration(
            OrganizationId=self.organization, DomainName="there.example", EwsProvider=ews
        )
        file = folder / "one.ics"
        file.write_bytes(vcalendar(vevent("one", START + 12 * 3_600_000, summary="Lunch")))
        for arguments in (
            ("import", ANN, file),
            ("import", LINUS, file),
            ("hours", ANN, "--zone", "UTC", "--period", "MON-THU 08:30-16:00"),
            ("hours", LINUS, "--zone", "Europe/Berlin", "--period", "WED 10:00-18:30"),
        ):
            assert running.command("calendar", *arguments).returncode == 0

    def permit(self) -> None:
        """Give the permission as the guide says."""
        self.running.client("lambda").add_permission(
            FunctionName="CapFunction",
            StatementId="AllowWorkMail",
            Action="lambda:InvokeFunction",
            Principal="availability.workmail.us-east-1.amazonaws.com",
            SourceAccount="123456789012",
            SourceArn=f"arn:aws:workmail:us-east-1:123456789012:organization/{self.organization}",
        )

    def test(self, **what: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.workmail.test_availability_configuration(OrganizationId=self.organization, **what)
        return answer

    def ask(self, *mailboxes: str) -> list[dict[str, Any]]:
        """Invoke the function as a stock client does."""
        requester = {"email": ANN, "user_name": "ann", "organization_id": self.organization, "user_id": self.ann}
        event = {
            "requester": requester | {"origin": "192.0.2.1"},
            "mailboxes": mailboxes,
            "start_ms": START,
            "end_ms": START + 24 * 3_600_000,
        }
        answer = self.running.client("lambda").invoke(FunctionName=NAME, Payload=json.dumps(event).encode())
        assert "FunctionError" not in answer
        found: list[dict[str, Any]] = json.loads(answer["Payload"].read())["results"]
        return found

    def facts(self) -> list[dict[str, Any]]:
        """Return the events of all facts about providers."""
        rows = self.running.scan("LEDGER_TABLE")
        return [json.loads(row["event"]["S"]) for row in rows if row["name"]["S"] == "PROVIDER_ASKED"]


@pytest.fixture(scope="module")
def free(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Free]:
    folder = tmp_path_factory.mktemp("customers")
    (folder / "src").mkdir()
    (folder / "template.yaml").write_text(TEMPLATE, "utf-8")
    (folder / "src" / "app.py").write_text(CODE, "utf-8")
    running = RunningStack(tmp_path_factory.mktemp("running"), functions=[folder])
    with running.entered():
        yield Free(running, folder)
    running.stop()


@pytest.fixture(scope="module", autouse=True)
def refused(free: Free) -> dict[str, Any]:
    """The test of a provider that does not permit the call yet; then it does."""
    answer = free.test(DomainName="cap.example")
    free.permit()
    return answer


def test_a_provider_that_does_not_permit_the_call_fails_its_test_with_the_command(
    free: Free, refused: dict[str, Any]
) -> None:
    assert refused["TestPassed"] is False
    assert "lambda add-permission --function-name" in refused["FailureReason"]
    assert "--principal availability.workmail.us-east-1.amazonaws.com" in refused["FailureReason"]


def test_once_it_permits_it_the_test_passes(free: Free) -> None:
    for what in ({"DomainName": "cap.example"}, {"LambdaProvider": {"LambdaArn": arn("CapFunction", "eu-west-1")}}):
        answer = free.test(**what)
        assert answer["TestPassed"] is True, answer["FailureReason"]
    assert "NOT_FOUND" in free.test(LambdaProvider={"LambdaArn": arn("NoSuchFunction")})["FailureReason"]


def test_a_customers_function_and_a_calendar_answer_the_command_line(free: Free) -> None:
    asked = (BOB, "nobody@free.example", ANN, "x@unknown.example")
    bob, nobody, ann, unknown = free.running.rows("availability", *asked, "--as", ANN, *WINDOW)
    assert bob["events"] == [
        {
            "start": "2026-11-24T09:00:00.000Z",
            "end": "2026-11-24T10:30:00.000Z",
            "busyType": "BUSY",
            "subject": f"asked by {ANN}",
            "location": "",
            "instanceType": "SINGLE_INSTANCE",
        }
    ]
    assert [event["subject"] for event in ann["events"]] == ["Lunch"]
    assert (nobody["code"], unknown["code"]) == ("ErrorMailRecipientNotFound", "ErrorAvailabilityConfigNotFound")
    shown = free.running.command("availability", BOB, "--as", ANN, *WINDOW).stdout.decode()
    assert "·" * 18 + "███" + "·" * 27 in shown


def test_one_providers_failure_is_not_anothers(free: Free) -> None:
    results = free.ask("x@fail.example", "eve@cap.example", "x@large.example", ANN)
    assert [result.get("code", "ok") for result in results] == [
        "ErrorFreeBusyGenerationFailed",
        "ok",
        "ErrorResponseSchemaValidation",
        "ok",
    ]
    assert results[1]["events"][0]["details"]["location"] == "192.0.2.1"
    # each worker process keeps its own rests
    wait_for(lambda: free.ask("x@fail.example")[0]["code"] == "ErrorServerBusy")


def test_each_call_is_a_fact_and_an_observation(free: Free) -> None:
    free.ask("y@fail.example", "y@cap.example")

    def look() -> list[dict[str, Any]]:
        facts = [fact for fact in free.facts() if fact["domain"] in {"fail.example", "cap.example"}]
        return facts if {fact["domain"] for fact in facts} == {"fail.example", "cap.example"} else []

    facts = wait_for(look)
    assert all(fact["availability_event_successful"] is (fact["domain"] == "cap.example") for fact in facts)
    failed = next(fact for fact in facts if fact["domain"] == "fail.example")
    assert failed["error_message"] == "FUNCTION_ERROR: the function raised an error, which its log has"
    assert failed["organization_arn"].endswith(free.organization)

    traces = [row["pk"]["S"] for row in free.running.scan("LEDGER_TABLE") if row["name"]["S"] == "PROVIDER_ASKED"]
    shown = [free.running.command("trace", trace).stdout.decode() for trace in traces]
    assert any("of fail.example about 1 mailbox" in text and "ValueError: no such table" in text for text in shown)

    def counted() -> bool:
        path = free.running.logs / "postroom-RecordEventsFunction.log"
        log = path.read_text("utf-8") if path.exists() else ""
        found = re.findall(r'"AvailabilityProviderFailure":\[([01,]+)\]', log)
        return {each for values in found for each in values.split(",")} == {"0", "1"}

    wait_for(counted, 60)


def test_exchangelib_has_the_answers_of_all_that_answer(free: Free) -> None:
    names = ("z@fail.example", ANN, "dora@cap.example", "nobody@free.example", "x@unknown.example")
    with server(free.running, ANN) as protocol:
        failed, own, doras, nobody, unknown = ask(protocol, *names)
    assert all(isinstance(each, ErrorMailRecipientNotFound) for each in (failed, nobody, unknown))
    assert str(failed).startswith(("ErrorFreeBusyGenerationFailed: ", "ErrorServerBusy: "))  # it rests after a failure
    assert str(nobody) == "there is no such mailbox"
    assert str(unknown).startswith("ErrorAvailabilityConfigNotFound: ")
    assert own.view_type == doras.view_type
    (event,) = doras.calendar_events
    assert (event.busy_type, event.start.isoformat()) == ("Busy", "2026-11-24T10:00:00+01:00")


@pytest.mark.parametrize("way", ["2010_SP2", "no version", "autodiscover"])
def test_exchangelib_reads_all_three_kinds_of_domains_however_it_finds_the_front(
    free: Free, tmp_path: Path, way: str
) -> None:
    """A calendar of our own, a customer's function, the front of a second organization, and an unknown mailbox."""
    version = {"version": Version(EXCHANGE_2010_SP2)} if way == "2010_SP2" else {}
    found = discovered(free.running, ANN, tmp_path) if way == "autodiscover" else server(free.running, ANN, **version)
    asked = (LINUS, "nobody@free.example", ANN, "nobody@there.example", "hours@cap.example")
    start, end = (EWSDateTime(2026, 11, day, tzinfo=BERLIN) for day in (24, 25))
    with found as protocol:
        accounts = [(each, "Required", False) for each in asked]
        linus, nobody, ann, missing, cap = protocol.get_free_busy_info(accounts, start, end, 30)
        assert protocol.version.api_version == "Exchange2010_SP2"
    assert isinstance(nobody, ErrorMailRecipientNotFound)
    assert isinstance(missing, ErrorMailRecipientNotFound)
    assert [str(each) for each in (linus, ann, cap) if isinstance(each, Exception)] == []
    for view, hour, half_hours, days, hours in (
        (linus, 13, 2, [3], ("10:00:00", "18:30:00")),
        (ann, 13, 2, [1, 2, 3, 4], ("08:30:00", "16:00:00")),
        (cap, 10, 3, [2, 5], ("07:30:00", "15:45:00")),
    ):
        (event,) = view.calendar_events
        begins = datetime(2026, 11, 24, hour, tzinfo=BERLIN)
        assert (event.start, event.end) == (begins, begins + timedelta(minutes=30 * half_hours))
        assert view.merged == ("0" * 2 * hour + "2" * half_hours).ljust(48, "0")
        (period,) = view.working_hours
        assert (period.weekdays, str(period.start), str(period.end)) == (days, *hours)
        assert view.working_hours_timezone.bias == (0 if view is ann else -60)


@pytest.mark.slow
def test_a_function_that_sleeps_costs_the_others_nothing(free: Free) -> None:
    """The function sleeps for 30 seconds. How a call ends that takes too long: tests/contract."""
    began = time.monotonic()
    results = free.ask("x@hang.example", ANN, "nobody@free.example")
    took = time.monotonic() - began
    assert 24 < took < 27, "26 s and the start of a process"
    assert [result.get("code", "ok") for result in results] == [
        "ErrorTimeoutExpired",
        "ok",
        "ErrorMailRecipientNotFound",
    ]
    (fact,) = wait_for(lambda: [fact for fact in free.facts() if fact["domain"] == "hang.example"])
    assert fact["error_message"] == "TIMED_OUT: no answer in time"
