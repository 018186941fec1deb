"""Customers' functions in the mail flow of a running stack: the guide's examples, one that fails, one in Node.js."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local.functions.function import Function
from postroom.model.facts import flow_message_id
from tests.support import customers
from tests.support.running_stack import RunningStack, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

HAS_NODE = shutil.which("node") is not None
ANN, BEN, CLEO = (f"{name}@lambda.example" for name in ("ann", "ben", "cleo"))

SPEED = 150
"""How many times faster time runs here."""

MESSAGES = {
    "f1": ("fail", (ANN, BEN)),
    "s1": ("subject", (ANN, BEN)),
    "d1": ("drop", (ANN, BEN)),
    "b1": ("bounce", (ANN,)),
    "a1": ("add", (ANN,)),
    "t1": ("tell", (BEN,)),
    "f0": ("once", (ANN,)),
    "n1": ("storm", (ANN,)),
}
"""Sender and recipients of messages that are sent at once, so that all tests wait at the same time."""

FUNCTIONS = {"FailFunction": "app.handler", "RecurseFunction": "recurse.handler"}
FAILING = """
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Resources:
""" + "".join(
    f"""
  {name}:
    Type: AWS::Serverless::Function
    Properties: {{CodeUri: src/, Handler: {handler}, Runtime: python3.12, Timeout: 60}}
  PermissionOf{name}:
    Type: AWS::Lambda::Permission
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: !Ref {name}
      Principal: !Sub 'workmail.${{AWS::Region}}.amazonaws.com'
"""
    for name, handler in FUNCTIONS.items()
)

FAIL = "def handler(event, context):\n    raise ValueError('no good')\n"

RECURSE = """
import json
import os
import smtplib

import boto3

ANSWER = {"actions": [{"action": {"type": "DEFAULT"}, "allRecipients": True}]}


def handler(event, context):
    if "again" in event:
        return ANSWER
    flow, workmail = boto3.client("workmailmessageflow"), boto3.client("workmail")
    for organization in workmail.list_organizations()["OrganizationSummaries"]:
        of = {"OrganizationId": organization["OrganizationId"]}
        for rule in workmail.list_inbound_mail_flow_rules(**of)["Rules"]:
            if rule["Action"].get("Lambda", {}).get("FunctionArn") == context.invoked_function_arn:
                workmail.delete_inbound_mail_flow_rule(**of, RuleId=rule["RuleId"])
    content = flow.get_raw_message_content(messageId=event["messageId"])["messageContent"].read()
    reply = content.replace(b"Subject: ", b"Subject: Re: ").replace(b"Message-ID: <", b"Message-ID: <re-")
    host, _, port = os.environ["POSTROOM_SMTP"].partition(":")
    with smtplib.SMTP(host, int(port)) as smtp:
        smtp.sendmail("bot@guide.example", [event["envelope"]["recipients"][0]["address"]], reply)
    again = boto3.client("lambda").invoke(FunctionName=context.function_name, Payload=json.dumps({"again": True}))
    return json.loads(again["Payload"].read())
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack where time runs faster, with three people whose mail goes through functions."""
    folder = tmp_path_factory.mktemp("customers")
    (folder / "fail" / "src").mkdir(parents=True)
    (folder / "fail" / "template.yaml").write_text(FAILING, "utf-8")
    (folder / "fail" / "src" / "app.py").write_text(FAIL, "utf-8")
    (folder / "fail" / "src" / "recurse.py").write_text(RECURSE, "utf-8")
    projects = [customers.guide_project(folder / "guide"), folder / "fail"]
    if HAS_NODE and shutil.which("npm"):
        projects.append(customers.node_project(folder / "storm"))
    env_vars = folder / "env.json"
    env_vars.write_text(json.dumps({"Parameters": {"DROPPED": BEN, "ADDED": CLEO}}))
    running = RunningStack(tmp_path_factory.mktemp("running"), functions=projects, env_vars=env_vars, speed=SPEED)
    organization = running.organization("lambda")
    for name, address in (("ann", ANN), ("ben", BEN), ("cleo", CLEO)):
        running.user(organization, name, address)
    for name in ("Subject", "Drop", "Bounce", "Add"):
        run_lambda(running, organization, f"{name.lower()}@guide.example", f"{name}Function")
    run_lambda(running, organization, "fail@guide.example", "FailFunction", RuleTimeoutMinutes=60)
    run_lambda(running, organization, "once@guide.example", "FailFunction", RuleTimeoutMinutes=0)
    run_lambda(running, organization, "tell@guide.example", "DropFunction", Synchronous=False)
    run_lambda(running, organization, "recurse@guide.example", "RecurseFunction")
    if len(projects) == 3:
        run_lambda(running, organization, "storm@guide.example", "stop-storm")
    for number, (sender, recipients) in MESSAGES.items():
        if number != "n1" or len(projects) == 3:
            running.send(message(number, sender), *recipients)
    yield running
    running.stop()


def run_lambda(running: RunningStack, organization: str, sender: str, function: str, **more: Any) -> dict[str, Any]:
    """Make a rule; return its members and its id."""
    settings = {"Synchronous": True, **more}
    if settings["Synchronous"]:
        settings = {"FallbackAction": "MOVE_TO_JUNK", "RuleTimeoutMinutes": 1, **settings}
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function}"
    rule = {
        "OrganizationId": organization,
        "Name": f"{sender} asks {function}",
        "SenderPatterns": [sender],
        "RecipientPatterns": ["*"],
        "Action": {"Type": "RUN_LAMBDA", "Lambda": {"FunctionArn": arn, **settings}},
    }
    return rule | {"RuleId": running.client("workmail").create_inbound_mail_flow_rule(**rule)["RuleId"]}


def message(number: str, sender: str) -> bytes:
    fields = [f"From: <{sender}@guide.example>", f"Subject: {number}", f"Message-ID: <{number}@letters.example>"]
    return "\r\n".join([*fields, "", "Hello.", ""]).encode()


def told(running: RunningStack, number: str, *finals: str) -> list[dict[str, Any]]:
    """Wait until there are that many facts of these names; return all facts that exist then."""

    def look() -> list[dict[str, Any]]:
        done = running.command("trace", "--message-id", f"<{number}@letters.example>", "--json")
        found: list[dict[str, Any]] = json.loads(done.stdout) if done.returncode == 0 else []
        names = [fact["name"] for fact in found]
        return found if all(names.count(name) >= finals.count(name) for name in finals) else []

    return list(wait_for(look))


def milliseconds(fact: dict[str, Any]) -> float:
    return datetime.fromisoformat(fact["at"]).timestamp() * 1000


def content(running: RunningStack, user: str, subject: str) -> list[bytes]:
    """Return the bytes of a user's messages with a subject."""
    rows = [row for row in running.rows("mailbox", "list", user) if row["subject"] == subject]
    return [running.command("mailbox", "show", user, row["id"]).stdout for row in rows]


DELIVERED = "MAILBOX_EMAIL_DELIVERED"


def test_a_function_changes_the_subject(running: RunningStack) -> None:
    facts = told(running, "s1", DELIVERED, DELIVERED)
    changed = message("New subject: s1", "subject").replace(b"<New subject: s1@", b"<s1@").replace(b"\r\n", b"\n")
    for user in (ANN, BEN):
        assert content(running, user, "New subject: s1") == [changed]
        assert content(running, user, "s1") == []
    assert [fact["name"] for fact in facts if fact["name"] == "CONTENT_PUT"] == ["CONTENT_PUT"]
    shown = running.command("trace", "--message-id", "<s1@letters.example>").stdout.decode()
    shown = " ".join(shown.split())
    assert "SubjectFunction version $LATEST by subject@guide.example asks " in shown
    assert "(rules version " in shown


def test_a_message_is_for_the_function_that_was_called_for_it(running: RunningStack) -> None:
    trace = told(running, "s1", DELIVERED, DELIVERED)[0]["traceId"]

    def read(logical_id: str) -> bytes:
        name = running.client("lambda").get_function_configuration(FunctionName=logical_id)["FunctionName"]
        key = Function(name, logical_id, "", Path(), "").access_key
        flow = running.client("workmailmessageflow", aws_access_key_id=key)
        answer = flow.get_raw_message_content(messageId=flow_message_id(trace))
        content: bytes = answer["messageContent"].read()
        return content

    assert b"New subject: s1" in read("SubjectFunction")
    with pytest.raises(ClientError, match=r"AccessDeniedException.*DropFunctionRole"):
        read("DropFunction")


def test_a_function_drops_a_recipient(running: RunningStack) -> None:
    facts = told(running, "d1", DELIVERED, "RULE_APPLIED")
    assert content(running, ANN, "d1") == [message("d1", "drop")]
    assert content(running, BEN, "d1") == []
    (applied,) = [fact["event"] for fact in facts if fact["name"] == "RULE_APPLIED"]
    assert {action["action"]: action["recipients"] for action in applied["ruleActions"]} == {
        "DEFAULT": [ANN],
        "DROP": [BEN],
    }


def test_the_function_that_changes_subjects_changes_what_a_user_sends(running: RunningStack) -> None:
    """The same code, with an outbound rule: for a recipient inside, and for one outside."""
    workmail = running.client("workmail")
    (acme,) = [each for each in workmail.list_organizations()["OrganizationSummaries"] if each["Alias"] == "lambda"]
    of = {"OrganizationId": acme["OrganizationId"]}
    arn = "arn:aws:lambda:us-east-1:123456789012:function:SubjectFunction"
    call = {"FunctionArn": arn, "Synchronous": True, "FallbackAction": "DROP", "RuleTimeoutMinutes": 1}
    more = {"SenderPatterns": [CLEO], "Name": "outbound"}
    action = {"Type": "RUN_LAMBDA", "Lambda": call}
    workmail.create_outbound_mail_flow_rule(**of, **more, RecipientPatterns=["*"], Action=action)
    user = workmail.describe_user(**of, UserId="cleo")["UserId"]
    sent = f"From: {CLEO}\r\nSubject: o1\r\nMessage-ID: <o1@letters.example>\r\n\r\nHello.\r\n".encode()
    to = [BEN, "carl@elsewhere.example"]
    trace = workmail.submit_raw_message(**of, UserId=user, RawMessage=sent, Recipients=to)["TraceId"]

    def ended() -> list[Any]:
        found = json.loads(running.command("trace", trace, "--json").stdout)
        return [fact for fact in found if fact["name"] == "OUTGOING_EMAIL_SENT"] if len(found) > 4 else []

    assert sorted(fact["event"]["recipient"] for fact in wait_for(lambda: len(ended()) == 2 and ended())) == to
    (changed,) = wait_for(lambda: content(running, BEN, "New subject: o1"))
    assert b"\nSubject: New subject: o1\n" in changed
    rows = running.rows("mailbox", "list", CLEO, "--folder", "SENT_ITEMS")
    assert [row["subject"] for row in rows] == ["o1"]


def test_a_function_bounces_with_a_message(running: RunningStack) -> None:
    facts = told(running, "b1", "INCOMING_EMAIL_BOUNCED")
    (bounced,) = [fact["event"] for fact in facts if fact["name"] == "INCOMING_EMAIL_BOUNCED"]
    assert bounced["bouncedRecipient"]["reason"] == "Email in breach of company policy."
    assert content(running, ANN, "b1") == []


def test_a_function_adds_a_recipient(running: RunningStack) -> None:
    told(running, "a1", DELIVERED, DELIVERED)
    assert content(running, ANN, "a1") == content(running, CLEO, "a1") == [message("a1", "add")]


def test_an_asynchronous_function_changes_nothing(running: RunningStack) -> None:
    facts = told(running, "t1", DELIVERED, "RULE_ATTEMPTED")
    assert content(running, BEN, "t1") == [message("t1", "tell")]
    (attempt,) = [fact["data"] for fact in facts if fact["name"] == "RULE_ATTEMPTED"]
    assert "failure" not in attempt


def test_with_a_timeout_of_zero_the_fallback_applies_at_once(running: RunningStack) -> None:
    facts = told(running, "f0", DELIVERED)
    attempts = [fact["data"] for fact in facts if fact["name"] == "RULE_ATTEMPTED"]
    assert [(attempt["attempt"], attempt["failure"]) for attempt in attempts] == [(1, "FUNCTION_ERROR")]
    assert attempts[0]["error"] == "ValueError: no good"


def test_a_function_that_always_fails_is_called_until_the_timeout_and_then_the_fallback_applies(
    running: RunningStack,
) -> None:
    facts = told(running, "f1", DELIVERED, DELIVERED)
    attempts = [fact for fact in facts if fact["name"] == "RULE_ATTEMPTED"]
    assert [fact["data"]["attempt"] for fact in attempts] == list(range(1, len(attempts) + 1))
    assert len(attempts) > 1  # their number depends on the machine
    assert milliseconds(attempts[-1]) - milliseconds(facts[0]) >= 60 * 60_000 / SPEED - 1000
    assert len({fact["data"]["invocationId"] for fact in attempts}) == 1
    folders = {fact["event"]["recipient"]: fact["event"]["folder"] for fact in facts if fact["name"] == DELIVERED}
    assert folders == {ANN: "JUNK_EMAIL", BEN: "JUNK_EMAIL"}


def test_a_rule_that_is_changed_and_then_deleted_still_decides_about_mail_that_it_matched_before(
    running: RunningStack,
) -> None:
    workmail = running.client("workmail")
    (organization,) = workmail.list_organizations()["OrganizationSummaries"]
    rule = run_lambda(
        running, organization["OrganizationId"], "wait@guide.example", "FailFunction", RuleTimeoutMinutes=10
    )
    running.send(message("w1", "wait"), ANN)
    told(running, "w1", "RULE_ATTEMPTED")
    rule["Action"]["Lambda"] |= {"FallbackAction": "DEFAULT"}
    workmail.update_inbound_mail_flow_rule(**rule)
    running.send(message("w2", "wait"), ANN)
    told(running, "w2", "RULE_ATTEMPTED")
    workmail.delete_inbound_mail_flow_rule(OrganizationId=rule["OrganizationId"], RuleId=rule["RuleId"])
    running.send(message("w3", "wait"), ANN)

    versions = []
    for number, folder in (("w1", "JUNK_EMAIL"), ("w2", "INBOX")):
        facts = told(running, number, DELIVERED)
        assert [fact["event"]["folder"] for fact in facts if fact["name"] == DELIVERED] == [folder]
        (applied,) = [fact["data"] for fact in facts if fact["name"] == "RULE_APPLIED"]
        versions.append(applied["rulesVersion"])
        shown = running.command("trace", "--message-id", f"<{number}@letters.example>").stdout.decode()
        assert f"wait@guide.example asks FailFunction (rules version {versions[-1]})" in shown
    assert versions[1] == versions[0] + 1
    assert not [fact for fact in told(running, "w3", DELIVERED) if fact["name"].startswith("RULE_")]


def test_a_function_that_deletes_its_own_rule_sends_mail_and_calls_itself_decides_once(running: RunningStack) -> None:
    running.send(message("r1", "recurse"), ANN)  # alone, because it needs both workers
    facts = told(running, "r1", DELIVERED)
    told(running, "re-r1", DELIVERED)
    assert content(running, ANN, "r1") == [message("r1", "recurse")]
    assert len(content(running, ANN, "Re: r1")) == 1
    assert [fact["name"] for fact in facts].count("RULE_APPLIED") == 1
    assert all("failure" not in fact["data"] for fact in facts if fact["name"] == "RULE_ATTEMPTED")


@pytest.mark.skipif(not (HAS_NODE and shutil.which("npm")), reason="needs node and npm")
def test_a_function_of_node_decides(running: RunningStack) -> None:
    told(running, "n1", DELIVERED)
    assert content(running, ANN, "n1") == [message("n1", "storm")]
