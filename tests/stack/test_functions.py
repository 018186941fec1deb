"""`postroom up --functions`: customers' projects in Python and Node.js, unchanged, called by stock clients."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING, Any, Final

import pytest
from exchangelib.errors import ErrorMailRecipientNotFound

from postroom.contracts.availability_query import read_answer, write_question
from postroom.model.free_busy import FailureCode, MailboxAvailability, MailboxFailure, Question, Requester
from postroom.model.limits import DAY_MS
from tests.support import customers, ews_client, exchange_provider, sam_project
from tests.support.calendar_text import stand_ups_and_a_trip
from tests.support.https_server import HttpsServer, Request
from tests.support.running_stack import PASSWORD, ROOT, RunningStack, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.https_server import Answer

pytestmark = pytest.mark.stack

STARTERS: Final = ROOT / "functions" / "starters"
HAS_NODE: Final = shutil.which("node") is not None and shutil.which("npm") is not None
EVENT: Final = {
    "summaryVersion": "2018-10-10",
    "envelope": {
        "mailFrom": {"address": "from@example.com"},
        "recipients": [{"address": "ada@example.com"}, {"address": "bo@example.com"}],
    },
    "sender": {"address": "sender@example.com"},
    "subject": "Hello",
    "messageId": "00000000-0000-0000-0000-000000000001",
    "invocationId": "0123456789abcdef0123456789abcdef",
    "flowDirection": "INBOUND",
    "truncated": False,
}


DEFAULT: Final = {"action": {"type": "DEFAULT"}, "allRecipients": True}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the projects."""
    return tmp_path_factory.mktemp("customers")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[RunningStack]:
    """A stack with the starters and a project of each language."""
    projects = [
        STARTERS,
        customers.python_project(folder / "footer"),
        customers.guide_project(folder / "guide"),
        customers.availability_project(folder / "busy"),
        exchange_provider.exchange_project(folder / "exchange"),
    ]
    if HAS_NODE:
        projects.append(customers.node_project(folder / "storm"))
    env_vars = folder / "env.json"
    availability = {"PRIVATE_HOSTS": "localhost", "SHOW_DETAILS": "true"}
    variables = dict.fromkeys(("PublishedCalendarsFunction", "EwsServerFunction"), availability)
    env_vars.write_text(json.dumps({"FooterFunction": {"FOOTER": "from the file"}, **variables}))
    running = RunningStack(tmp_path_factory.mktemp("running"), functions=projects, env_vars=env_vars)
    yield running
    running.stop()


def invoke(running: RunningStack, name: str, event: object = EVENT) -> Any:
    answer = running.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


@pytest.mark.parametrize("name", ["FooterFunction", "arn:aws:lambda:us-east-1:123456789012:function:FooterFunction"])
def test_a_python_function_has_its_packages_its_resources_and_our_api(running: RunningStack, name: str) -> None:
    running.client("workmail").create_organization(Alias=f"guests-{len(name)}")
    answer = invoke(running, name)
    environment = answer["seen"]["environment"]
    assert answer["seen"]["organizations"] >= 1  # called with stock boto3: the endpoint comes from the environment
    assert environment["AWS_DATA_PATH"].endswith("layers/workmail_client/botocore")
    assert environment["AWS_ENDPOINT_URL_WORKMAILMESSAGEFLOW"] == running.environment["AWS_ENDPOINT_URL_WORKMAIL"]
    stored = running.client("s3").get_object(Bucket="footer-updatedmessages", Key=EVENT["invocationId"])
    assert stored["Body"].read() == b"hello Hello pipeline from the file"
    rows = running.client("dynamodb").scan(TableName="footer-Seen")["Items"]
    assert rows == [{"InvocationId": {"S": EVENT["invocationId"]}}]
    (message,) = running.client("sqs").receive_message(QueueUrl=environment["QUEUE"])["Messages"]
    assert message["Body"] == EVENT["messageId"]


@pytest.mark.skipif(not HAS_NODE, reason="there is no node or no npm on PATH")
@pytest.mark.parametrize(
    "name", ["stop-storm", "StopStormFunction", "arn:aws:lambda:us-east-1:123456789012:function:stop-storm"]
)
def test_a_node_function_runs_with_its_packages(running: RunningStack, name: str) -> None:
    expected = {"action": {"type": "DROP"}, "recipients": ["ada@example.com", "bo@example.com"]}
    assert invoke(running, name) == {"actions": [expected]}


def test_the_permission_in_the_template_is_shown(running: RunningStack) -> None:
    policy = json.loads(running.client("lambda").get_policy(FunctionName="FooterFunction")["Policy"])
    assert [one["Principal"] for one in policy["Statement"]] == [{"Service": "workmail.us-east-1.amazonaws.com"}]


def test_the_starter_restyles_a_message_through_the_message_flow_api(running: RunningStack) -> None:
    organization = running.organization("starters")
    user = running.user(organization, "ada", "ada@starters.example")
    raw = (
        b"From: sender@elsewhere.example\r\nTo: ada@starters.example\r\nSubject: Hello\r\n"
        b"Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <starter@elsewhere.example>\r\n\r\nHi\r\n"
    )
    running.send(raw, "ada@starters.example")
    with running.entered():
        wait_for(lambda: running.copies_of(user))
        (fact,) = running.operator().ledger.by_message_id("<starter@elsewhere.example>")
    message_id = str(fact.data["flowMessageId"])
    answer = invoke(running, "HouseStyleFunction", {**EVENT, "messageId": message_id})
    assert answer == {"actions": [DEFAULT]}
    content = (
        running.client("workmailmessageflow").get_raw_message_content(messageId=message_id)["messageContent"].read()
    )
    assert content.startswith(raw.replace(b"Hello", b"[External] Hello"))
    assert b"This message may be confidential." in content
    invoke(running, "SubjectFunction", {**EVENT, "messageId": message_id})
    content = (
        running.client("workmailmessageflow").get_raw_message_content(messageId=message_id)["messageContent"].read()
    )
    assert b"Subject: New subject: [External] Hello\n" in content.replace(b"\r\n", b"\n")


def test_the_starter_for_published_calendars_is_the_provider_of_a_domain(running: RunningStack) -> None:
    organization = running.organization("partners")
    feed = (
        b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;TZID=Europe/Berlin:20261019T090000\r\n"
        b"DURATION:PT1H\r\nRRULE:FREQ=WEEKLY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    arn = "arn:aws:lambda:us-east-1:123456789012:function:PublishedCalendarsFunction"
    workmail, mailboxes = running.client("workmail"), ("ann@partner.example", "nobody@partner.example")
    with HttpsServer(lambda _: (200, {}, feed)) as server:
        content = {"mailboxes": {mailboxes[0]: server.url}, "certificates": server.pem()}
        running.client("secretsmanager").create_secret(Name="published-calendars", SecretString=json.dumps(content))
        named = {"OrganizationId": organization, "DomainName": "partner.example"}
        workmail.create_availability_configuration(**named, LambdaProvider={"LambdaArn": arn})
        assert workmail.test_availability_configuration(**named)["TestPassed"]
        asking = Requester("ada@starters.example", "ada", organization, "S-1-1")
        start_ms = 1_793_145_600_000  # 2026-10-28
        question = Question(asking, mailboxes, start_ms, start_ms + 7 * DAY_MS)
        (function,) = (each for each in _names(running) if "QueryAvailability" in each)
        answer = running.client("lambda").invoke(FunctionName=function, Payload=write_question(question))
        found, unknown = read_answer(answer["Payload"].read())
    assert isinstance(found, MailboxAvailability)
    assert [event.start_ms for event in found.events] == [1_793_606_400_000]  # Monday, 2 November, 08:00 UTC
    assert isinstance(unknown, MailboxFailure)
    assert unknown.code is FailureCode.MAIL_RECIPIENT_NOT_FOUND


def test_exchangelib_reads_a_domain_that_a_function_serves(running: RunningStack) -> None:
    """One question: a user without events, and mailboxes that the function knows, fails for, and does not know."""
    organization = running.organization("visitors")
    running.user(organization, "ada", "ada@visitors.example")
    arn = "arn:aws:lambda:us-east-1:123456789012:function:BusyFunction"
    named = {"OrganizationId": organization, "DomainName": "function.example"}
    running.client("workmail").create_availability_configuration(**named, LambdaProvider={"LambdaArn": arn})
    names = ["ada@visitors.example", "ann@function.example", "busy@function.example", "nobody@function.example"]
    with ews_client.server(running, "ada@visitors.example") as server:
        own, found, failed, unknown = ews_client.ask(server, *names)
    assert own.merged == "0" * 20
    (event,) = found.calendar_events
    assert (event.start, event.end) == (ews_client.berlin(11), ews_client.berlin(12))
    assert (event.busy_type, event.details.subject, event.details.location) == ("Busy", "Fair", "Hall 4")
    assert (event.details.is_recurring, event.details.is_exception) == (True, True)
    assert found.merged == "0" * 6 + "22" + "0" * 12
    (hours,) = found.working_hours
    assert (hours.weekdays, hours.start.hour, hours.end.hour) == ([1, 2], 9, 17)
    assert isinstance(failed, ErrorMailRecipientNotFound)
    assert str(failed).startswith("ErrorServerBusy: ")
    assert isinstance(unknown, ErrorMailRecipientNotFound)


@pytest.fixture(scope="module")
def exchange(running: RunningStack, folder: Path) -> RunningStack:
    """The stack as the EWS server of exchange.example, with a service account and a calendar of grace."""
    asked = running.organization("exchange")
    for name in ("service", "grace"):
        running.user(asked, name, f"{name}@exchange.example")
    file = folder / "grace.ics"
    file.write_bytes(stand_ups_and_a_trip("exchange.example", "CLASS:PRIVATE"))
    for arguments in (
        ("import", "grace@exchange.example", file),
        ("hours", "grace@exchange.example", "--zone", "Europe/Berlin", "--period", "MON-THU 08:30-16:00"),
    ):
        done = running.command("calendar", *arguments)
        assert done.returncode == 0, done.stderr.decode()
    return running


def test_the_starter_for_an_ews_server_asks_our_own_front(exchange: RunningStack) -> None:
    url = exchange.environment["POSTROOM_EWS_URL"]

    def forward(request: Request) -> Answer:
        """Send a request on without TLS, as the local stack serves it."""
        headers = {name: request.headers[name] for name in ("Authorization", "Content-Type")}
        with urllib.request.urlopen(urllib.request.Request(url, request.body, headers)) as answer:  # noqa: S310  http
            return answer.status, {}, answer.read()

    with HttpsServer(forward) as server:
        account = {"username": "service@exchange.example", "password": PASSWORD}
        content = json.dumps({"url": f"{server.url}/EWS/Exchange.asmx", **account, "certificates": server.pem()})
        exchange.client("secretsmanager").create_secret(Name="ews-server", SecretString=content)
        question = json.loads((STARTERS / "events" / "availability.json").read_text("utf-8"))
        question["mailboxes"] = ["grace@exchange.example", "nobody@exchange.example"]
        question["window"] = {"startDate": "2026-12-07T00:00:00.000Z", "endDate": "2026-12-08T00:00:00.000Z"}
        found, unknown = invoke(exchange, "EwsServerFunction", question)["mailboxes"]
    assert [(each["startTime"], each["endTime"], each["busyType"]) for each in found["events"]] == [
        ("2026-12-07T08:00:00Z", "2026-12-07T08:30:00Z", "BUSY"),
        ("2026-12-07T12:00:00Z", "2026-12-07T13:30:00Z", "TENTATIVE"),
    ]
    assert found["workingHours"]["workingPeriods"] == [
        {"startMinutes": 510, "endMinutes": 960, "days": ["MON", "TUE", "WED", "THU"]}
    ]
    assert found["workingHours"]["timezone"]["daylightTime"]["month"] == "MAR"
    assert unknown == {"mailbox": "nobody@exchange.example", "error": "MailboxNotFound"}


def test_awss_exchange_provider_asks_our_own_front_for_another_organization(exchange: RunningStack) -> None:
    """What is known of AWS's sample is in tests/support/exchange_provider.py. exchangelib is on both sides."""
    running = exchange
    asking = running.organization("customer")
    running.user(asking, "ada", "ada@customer.example")
    url = running.environment["POSTROOM_EWS_URL"]
    account = {"ews_url": url, "ews_username": "service@exchange.example", "ews_password": PASSWORD}
    running.client("secretsmanager").create_secret(Name=exchange_provider.SECRET, SecretString=json.dumps(account))
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{exchange_provider.FUNCTION}"
    named = {"OrganizationId": asking, "DomainName": "exchange.example"}
    running.client("workmail").create_availability_configuration(**named, LambdaProvider={"LambdaArn": arn})

    mailboxes = ("ada@customer.example", "nobody@exchange.example", "grace@exchange.example")
    with ews_client.server(running, "ada@customer.example") as server:
        own, unknown, graces = ews_client.ask(server, *mailboxes)
    assert own.merged == "0" * 20
    assert isinstance(unknown, ErrorMailRecipientNotFound)
    events = [(each.start, each.end, each.busy_type) for each in graces.calendar_events]
    assert events == [
        (ews_client.berlin(9), ews_client.berlin(9, 30), "Busy"),
        (ews_client.berlin(13), ews_client.berlin(14, 30), "Tentative"),
    ]
    (hours,) = graces.working_hours
    assert (hours.weekdays, str(hours.start), str(hours.end)) == ([1, 2, 3, 4], "08:30:00", "16:00:00")
    zone = graces.working_hours_timezone
    assert (zone.bias, zone.standard_time.bias, zone.daylight_time.bias) == (-60, 0, -60)
    assert running.client("workmail").test_availability_configuration(**named)["TestPassed"]


def _names(running: RunningStack) -> list[str]:
    pages = running.client("lambda").get_paginator("list_functions").paginate()
    return [each["FunctionName"] for page in pages for each in page["Functions"]]


@pytest.mark.parametrize(
    ("name", "actions"),
    [
        ("DropFunction", [DEFAULT, {"action": {"type": "DROP"}, "recipients": ["drop-recipient@example.com"]}]),
        (
            "BounceFunction",
            [
                {
                    "action": {
                        "type": "BOUNCE",
                        "parameters": {"bounceMessage": "Email in breach of company policy."},
                    },
                    "allRecipients": True,
                }
            ],
        ),
        ("AddFunction", [{"action": {"type": "DEFAULT"}, "recipients": ["new-recipient@example.com"]}, DEFAULT]),
    ],
)
def test_the_guides_examples_answer_as_the_guide_shows(running: RunningStack, name: str, actions: list[Any]) -> None:
    assert invoke(running, name) == {"actions": actions}


def test_the_starters_rules_are_made_from_a_file_once_the_functions_allow_it(running: RunningStack) -> None:
    organization = running.organization("styled")
    named = ("--organization", "styled")
    file = STARTERS / "rules.example.yaml"
    client = running.client("lambda")
    (statement,) = json.loads(client.get_policy(FunctionName="CountSendersFunction")["Policy"])["Statement"]
    client.remove_permission(FunctionName="CountSendersFunction", StatementId=statement["Sid"])
    refused = running.command("rules", "apply", file, *named)
    assert refused.returncode == 1
    said = " ".join(refused.stderr.decode().split())
    command = "aws " + said.partition("Missing: aws ")[2]
    assert command.endswith(f"organization/{organization}")
    given = running.run(shlex.split(command))
    assert given.returncode == 0, given.stderr
    assert running.command("rules", "apply", file, *named).returncode == 0
    assert {row["change"] for row in running.rows("rules", "plan", file, *named)} == {"unchanged"}
    tested = running.rows("rules", "test", "--from", "x@a.lists.example", "--to", "ada@styled.example", *named)
    assert [row["lambda"] for row in tested] == [{"function": "CountSendersFunction", "synchronous": False}]


def test_the_starter_counts_senders_in_cloudwatch(running: RunningStack) -> None:
    invoke(running, "CountSendersFunction")

    def counted() -> list[dict[str, str]]:
        metrics = running.client("cloudwatch").list_metrics(Namespace="MailBySender", MetricName="Messages")["Metrics"]
        return [{each["Name"]: each["Value"] for each in metric["Dimensions"]} for metric in metrics]

    sam_project.wait_for(lambda: {"SenderDomain": "example.com", "Direction": "INBOUND"} in counted())


def test_sam_gets_its_variables_for_a_container(running: RunningStack) -> None:
    for_sam = json.loads((running.logs.parent / "sam-env.json").read_text())["FooterFunction"]
    assert for_sam["FOOTER"] == "from the file"
    assert for_sam["AWS_ENDPOINT_URL_WORKMAILMESSAGEFLOW"].startswith("http://host.docker.internal:")
    assert "AWS_DATA_PATH" not in for_sam  # a folder of this machine


def test_the_output_of_a_function_is_in_its_log_group(running: RunningStack) -> None:
    invoke(running, "FooterFunction")
    logs = running.client("logs")

    def lines() -> list[str]:
        if not logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/FooterFunction")["logGroups"]:
            return []
        events = logs.filter_log_events(logGroupName="/aws/lambda/FooterFunction")["events"]
        return [event["message"] for event in events]

    sam_project.wait_for(lambda: any(line.startswith("REPORT") for line in lines()))


@pytest.mark.parametrize(
    ("name", "file", "line"),
    [
        ("FooterFunction", "footer/src/app.py", 'print("edited the function")\n'),
        ("FooterFunction", "footer/words/words.py", 'print("edited its layer, which is built")\n'),
        pytest.param(
            "StopStormFunction",
            "storm/src/app.js",
            'console.log("edited what runs as a copy");\n',
            marks=pytest.mark.skipif(not HAS_NODE, reason="there is no node on PATH"),
        ),
    ],
)
def test_an_edit_is_live_with_a_later_event_and_the_log_says_so(
    running: RunningStack, folder: Path, name: str, file: str, line: str
) -> None:
    said = line.split('"')[1]
    invoke(running, name)
    assert said not in running.command("logs", name).stdout.decode()
    path = folder / file
    code = path.read_text()
    path.write_text(line + code)

    def is_live() -> bool:
        invoke(running, name)
        return said in running.command("logs", name).stdout.decode()

    try:
        wait_for(is_live)
    finally:
        path.write_text(code)


RUN: Final = """
import sys
from pathlib import Path
from cli.errors import CommandError
from local.settings import UpSettings
from local.stack import run
root, *functions = map(Path, sys.argv[1:])
try:
    sys.exit(run(UpSettings(root=root, port=0, smtp_port=0, functions=tuple(functions))))
except CommandError as error:
    print(f"postroom: {error}", file=sys.stderr)
    sys.exit(error.exit_status)
"""


def refused(root: Path, functions: Path) -> list[str]:
    """Return the lines of an `up` that cannot start."""
    sam_project.write(root)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "POSTROOM"))}
    command = [sys.executable, "-c", RUN, str(root), str(functions)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr.splitlines()


def test_packages_that_cannot_be_installed_are_one_line_and_exit_status_2(tmp_path: Path) -> None:
    source = customers.python_project(tmp_path / "p") / "src"
    (source / "requirements.txt").write_text("./missing-1.0-py3-none-any.whl\n")
    installing, line = refused(tmp_path / "root", tmp_path / "p")[-2:]
    assert installing.startswith("postroom: FooterFunction: installing what ")
    where = f"{tmp_path}/p/template.yaml: FooterFunction: {source}/requirements.txt"
    assert line.startswith(f"postroom: {where}: ERROR: ")


def test_a_missing_folder_is_one_line_and_exit_status_2(tmp_path: Path) -> None:
    line = f"postroom: --functions {tmp_path}/nowhere: there is no such folder"
    assert refused(tmp_path / "root", tmp_path / "nowhere") == [line]
