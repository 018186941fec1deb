"""Every sample of events/ runs, in the order of a message's way, on the pipeline that samples.toml describes."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from cli.commands.mailbox import all_items
from cli.repository import repository_root
from cli.samples import Result, SampleRunner, Samples, function_of
from postroom.bootstrap.operator import Operator
from postroom.contracts.audit_log import API_CALL
from postroom.contracts.audit_messages import AuditRecords
from postroom.model.facts import EventName, OwnFact, trace_of
from tests.support.in_process import InProcessStack, deployed

EVENTS: Final = repository_root() / "events"
SAMPLES: Final = Samples.read(EVENTS)
FUNCTIONS: Final = SAMPLES.functions(repository_root() / "functions")
IN_ORDER: Final = list(SAMPLES.by_name)


@pytest.fixture(scope="module")
def stack() -> Iterator[InProcessStack]:
    with deployed() as stack:
        yield stack


@pytest.fixture(scope="module")
def runner(stack: InProcessStack) -> SampleRunner:
    return SampleRunner.of(stack, SAMPLES)


@pytest.fixture(scope="module")
def operator(runner: SampleRunner) -> Operator:
    return runner.stack.operator()


@pytest.fixture(scope="module")
def results(runner: SampleRunner) -> dict[str, Result]:
    """Every sample run twice, as queues may; the results are the second ones."""
    for _ in range(2):
        made = {name: runner.run(SAMPLES.by_name[name], function_of(name, FUNCTIONS)) for name in IN_ORDER}
    return made


@pytest.mark.parametrize("name", IN_ORDER)
def test_a_sample_has_the_described_result(name: str, results: dict[str, Result]) -> None:
    assert results[name].wrong == ""


@pytest.mark.parametrize("name", IN_ORDER)
def test_a_sample_is_described(name: str) -> None:
    assert SAMPLES.by_name[name].says


def test_every_function_has_a_sample() -> None:
    functions = {path.parent.name for path in repository_root().glob("functions/*/app.py")}
    assert {function_of(name, FUNCTIONS) for name in SAMPLES.by_name} == functions


def facts(operator: Operator, runner: SampleRunner, name: str) -> list[tuple[str, Any]]:
    organization = runner.real[SAMPLES.objects.organization]
    ses_message_id = SAMPLES.by_name[name].keys[0].removeprefix("inbound/")
    return [(fact.name, fact.event) for fact in operator.ledger.facts(trace_of(ses_message_id, organization))]


def test_a_delivered_sample_is_once_in_the_mailbox_byte_for_byte(
    runner: SampleRunner, operator: Operator, results: dict[str, Result]
) -> None:
    ada = runner.real[SAMPLES.objects.users["ada"]]
    head = operator.mailboxes.head(ada)
    assert head is not None
    contents = {
        folder: [b"".join(operator.content(head, item)) for item in all_items(operator.mailboxes, ada, folder)]
        for folder in ("INBOX", "JUNK_EMAIL")
    }
    assert contents == {
        "INBOX": [SAMPLES.by_name["deliver"].message],
        "JUNK_EMAIL": [SAMPLES.by_name["deliver_junk"].message],
    }


def test_many_recipients_are_sorted_out(runner: SampleRunner, operator: Operator, results: dict[str, Result]) -> None:
    found = facts(operator, runner, "ingest_many_recipients")
    assert [name for name, _ in found] == [
        EventName.ORGANIZATION_EMAIL_RECEIVED,
        EventName.INCOMING_EMAIL_BOUNCED,
        OwnFact.BOUNCE_INTENDED,
        OwnFact.BOUNCE_SENT,
    ]
    assert found[1][1]["bouncedRecipient"]["emailAddress"] == f"nobody@{SAMPLES.objects.domain}"
    key = SAMPLES.by_name["ingest_many_recipients"].keys[0].removeprefix("inbound/")
    trace = trace_of(key, runner.real[SAMPLES.objects.organization])
    users = {runner.real[SAMPLES.objects.users[name]] for name in ("ada", "grace")}
    assert {order.key for order in operator.transit.open_orders(trace)} == {f"order:{user}" for user in users}


def test_a_submission_ends_for_each_recipient_beside_what_ses_reports(
    operator: Operator, results: dict[str, Result]
) -> None:
    found = [(fact.name, fact.event) for fact in operator.ledger.facts(results["submit_inside"].answer["trace"])]
    sent = {event["recipient"] for name, event in found if name == EventName.OUTGOING_EMAIL_SENT}
    assert sent == {"carl@elsewhere.example", f"grace@{SAMPLES.objects.domain}"}
    reported = [event["reason"] for name, event in found if name == EventName.OUTGOING_EMAIL_BOUNCED]
    assert sorted(reported) == ["550 5.1.1 user unknown", "the recipient reported the message: abuse"]
    assert [name for name, _ in found if name == OwnFact.DELIVERY_DELAYED] == [OwnFact.DELIVERY_DELAYED]


def test_a_message_that_ses_rejects_is_bounced_in_its_flow(operator: Operator, results: dict[str, Result]) -> None:
    found = operator.ledger.facts(results["submit"].answer["trace"])
    assert [fact.event["reason"] for fact in found if fact.name == EventName.OUTGOING_EMAIL_BOUNCED] == [
        "SES rejected the message: Bad content"
    ]


@pytest.mark.parametrize("name", ["ingest_no_subject", "ingest_no_to", "ingest_sns_wrapped", "ingest_raw"])
def test_an_odd_sample_opens_one_flow(
    runner: SampleRunner, operator: Operator, results: dict[str, Result], name: str
) -> None:
    found = [event for fact, event in facts(operator, runner, name) if fact == EventName.ORGANIZATION_EMAIL_RECEIVED]
    assert len(found) == 1
    assert found[0]["subject"] == {"ingest_no_subject": "", "ingest_no_to": "To nobody that it names"}.get(
        name, "Minutes of Friday's meeting"
    )


def test_a_malformed_notification_is_parked_with_its_cause(operator: Operator, results: dict[str, Result]) -> None:
    causes = {parked.cause for parked in operator.parking.list()}
    assert "InvalidNotificationError: not an SES notification: receipt.action" in causes
    assert "InvalidNotificationError: not an SES notification: not JSON" in causes


def test_each_sample_of_an_api_leaves_its_record_with_its_caller(
    stack: InProcessStack, results: dict[str, Result]
) -> None:
    calls = {
        (record.fields["eventSource"].partition(".")[0], record.fields["eventName"]): record.fields
        for message in received(stack, stack.settings()["AUDIT_QUEUE_URL"])
        for record in AuditRecords.read(message).records
        if record.type == API_CALL and record.fields["userIdentity"]["type"] != "Unknown"  # calls of the fixtures
    }
    assert calls.keys() >= {
        ("workmail", "ListOrganizations"),
        ("workmail", "DescribeUser"),
        ("workmailMessageFlow", "GetRawMessageContent"),
        ("workmailMessageFlow", "PutRawMessageContent"),
    }
    assert calls["workmail", "ListOrganizations"]["userIdentity"]["userName"] == "administrator"
    issuer = calls["workmailMessageFlow", "GetRawMessageContent"]["userIdentity"]["sessionContext"]["sessionIssuer"]
    assert issuer["userName"] == "rule-function"


def received(stack: InProcessStack, queue: str) -> Iterator[str]:
    sqs = stack.client("sqs")
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        yield from (message["Body"] for message in messages)


def test_cloudformation_gets_the_answer_that_the_rule_set_is_active(
    stack: InProcessStack, results: dict[str, Result]
) -> None:
    assert [answer["Status"] for answer in stack.cloudformation.answers] == ["SUCCESS", "SUCCESS"]
    assert stack.client("ses").describe_active_receipt_rule_set()["Metadata"]["Name"] == "postroom"


def test_the_samples_ids_stand_for_nothing_real() -> None:
    texts = [path.read_text("utf-8") for path in EVENTS.glob("*.json")]
    accounts = {word for text in texts for word in text.split(":") if word.isdigit() and len(word) == 12}
    assert accounts == {"123456789012"}
    assert all(json.loads(text) for text in texts)
