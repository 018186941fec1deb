"""Free/busy information of a running stack: calendars, and a customer's availability provider under --functions."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import pytest
from exchangelib.errors import ErrorMailRecipientNotFound

from tests.support.calendars import vcalendar, vevent
from tests.support.ews_client import ask, server
from tests.support.running_stack import RunningStack, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

NAME: Final = "postroom-QueryAvailabilityFunction"
START: Final = 1_795_478_400_000
"""2026-11-24, midnight UTC, in milliseconds since the epoch."""

WINDOW: Final = ("--from", "2026-11-24", "--to", "2026-11-25")
ANN, BOB = "ann@free.example", "bob@cap.example"

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
        file = folder / "one.ics"
        file.write_bytes(vcalendar(vevent("one", START + 12 * 3_600_000, summary="Lunch")))
        assert running.command("calendar", "import", ANN, file).returncode == 0

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


@pytest.fixture(scope="module")
def refused(free: Free) -> dict[str, Any]:
    """The test of a provider that does not permit the call yet; then it does."""
    answer = free.test(DomainName="cap.example")
    free.permit()
    return answer


@pytest.fixture(scope="module")
def hanging(free: Free, refused: dict[str, Any]) -> Iterator[Future[tuple[float, list[dict[str, Any]]]]]:
    """A question to a function that sleeps for 30 seconds, under way while the other tests run."""

    def ask() -> tuple[float, list[dict[str, Any]]]:
        began = time.monotonic()
        found = free.ask("x@hang.example", ANN, "nobody@free.example")
        return time.monotonic() - began, found

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(ask)


@pytest.fixture(autouse=True)
def under_way(hanging: Future[Any]) -> None:
    """Let the slow question begin before the first test."""


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
    assert any("of fail.example about 1 mailboxes" in text and "ValueError: no such table" in text for text in shown)

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


def test_a_function_that_sleeps_costs_the_others_nothing(
    free: Free, hanging: Future[tuple[float, list[dict[str, Any]]]]
) -> None:
    took, results = hanging.result(60)
    assert 24 < took < 27
    assert [result.get("code", "ok") for result in results] == [
        "ErrorTimeoutExpired",
        "ok",
        "ErrorMailRecipientNotFound",
    ]
    assert free.ask("z@hang.example")[0]["code"] == "ErrorServerBusy"
    (fact,) = wait_for(lambda: [fact for fact in free.facts() if fact["domain"] == "hang.example"])
    assert fact["error_message"] == "TIMED_OUT: no answer in time"
