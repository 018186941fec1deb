"""A day of an operator, on a stack that is found by its name alone.

The shared stack has a name that is not ours, and physical names that end as CloudFormation's do. Another stack has the
name that `up` gives, and tables that do not exist.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest

from local.emulator.process import tell_moto
from tests.support import forked_cli
from tests.support.running_stack import PATIENCE_S, SHARED_NAME, own_environment, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

STACK: Final = ("--stack", SHARED_NAME, "--region", "us-east-1")
SEALED: Final = "ivy@sealed.example"
RULES: Final = """
inbound:
- name: No offers
  senders: ['*.ads.example']
  recipients: ['*']
  action: DROP
"""


@pytest.fixture(scope="module", autouse=True)
def beside(running: RunningStack) -> None:
    """Another stack, with the name that the local one has by default."""
    outputs = dict.fromkeys(("LedgerTableName", "DirectoryTableName"), "another")
    tell_moto(running.environment["AWS_ENDPOINT_URL"], "postroom", outputs)


def environment(running: RunningStack) -> dict[str, str]:
    """Return what an operator exports: credentials and endpoints, nothing about the stack."""
    theirs = {name: value for name, value in running.environment.items() if name.startswith("AWS_")}
    theirs.pop("AWS_ENDPOINT_URL_WORKMAIL")  # an output
    return {**own_environment(), **theirs}


@pytest.fixture
def operate(running: RunningStack, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    def run(*arguments: object) -> subprocess.CompletedProcess[bytes]:
        return forked_cli.run([*STACK, *map(str, arguments)], environment(running), tmp_path)

    return run


@pytest.fixture
def rows(operate: Callable[..., subprocess.CompletedProcess[bytes]]) -> Callable[..., list[dict[str, Any]]]:
    def read(*arguments: object) -> list[dict[str, Any]]:
        done = operate(*arguments, "--json")
        assert done.returncode == 0, done.stderr.decode()
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    return read


def mail(number: int, sender: str = "bob@elsewhere.example") -> bytes:
    return f"From: {sender}\r\nMessage-ID: <day-{number}@elsewhere.example>\r\nSubject: {number}\r\n\r\nx\r\n".encode()


def test_an_operator_gets_through_a_day(
    running: RunningStack,
    operate: Callable[..., subprocess.CompletedProcess[bytes]],
    rows: Callable[..., list[dict[str, Any]]],
    tmp_path: Path,
) -> None:
    organization = running.organization("day")
    running.user(organization, "ann", "ann@day.example")
    (tmp_path / "rules.yaml").write_text(RULES)
    (step,) = rows("rules", "apply", tmp_path / "rules.yaml", "--organization", "day")
    assert (step["change"], step["done"]) == ("create", True)

    running.send(mail(1), "ann@day.example")
    running.send(mail(2, "x@news.ads.example"), "ann@day.example", sender="x@news.ads.example")
    (item,) = wait_for(lambda: rows("mailbox", "list", "ann@day.example"))
    assert operate("mailbox", "show", "ann@day.example", item["id"]).stdout.endswith(mail(1))
    dropped = wait_for(lambda: [each for each in facts(operate, 2) if each["name"] == "RULE_APPLIED"])
    assert dropped[0]["event"]["ruleName"] == "No offers"

    followed = subprocess.Popen(
        [sys.executable, "-m", "cli", *STACK, "events", "--follow", "--json"],
        env=environment(running),
        stdout=subprocess.PIPE,
        text=True,
    )
    with followed as process:
        assert process.stdout is not None
        lines = map(json.loads, process.stdout)
        assert next(each for each in lines if each["logGroup"].endswith("/day"))["event"]["eventName"]
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0

    running.client("logs").delete_log_group(logGroupName="/aws/workmail/emailevents/day")
    assert operate("rebuild", organization).stdout.endswith(b"events were queued for the log\n")
    assert wait_for(lambda: [each for each in rows("events") if each["logGroup"].endswith("/day")])

    assert rows("availability", "ann@day.example")[0]["code"] is None
    assert operate("calendar", "list", "ann@day.example").returncode == 0
    assert rows("export", "ann@day.example", "--to", tmp_path)[0]["items"] == 1
    folders = rows("import", "ann@day.example", tmp_path / "ann@day.example.zip", "--dry-run")
    assert sum(each["read"] for each in folders) == 1
    assert any('"message":"answered"' in each["message"] for each in rows("logs", "admin_api"))
    refused = operate("logs", "ingst")
    assert refused.returncode == 1
    assert refused.stderr.startswith(b"postroom: there is no function ingst; did you mean IngestFunction")


def facts(operate: Callable[..., subprocess.CompletedProcess[bytes]], number: int) -> list[dict[str, Any]]:
    """Return the facts of a message; none as long as it is not known."""
    done = operate("trace", "--message-id", f"<day-{number}@elsewhere.example>", "--json")
    found: list[dict[str, Any]] = json.loads(done.stdout) if done.returncode == 0 else []
    return found


def test_parked_mail_is_shown_redriven_and_discarded(
    running: RunningStack,
    operate: Callable[..., subprocess.CompletedProcess[bytes]],
    rows: Callable[..., list[dict[str, Any]]],
) -> None:
    kms = running.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    running.user(running.organization("sealed", KmsKeyArn=key), "ivy", SEALED)
    kms.disable_key(KeyId=key)
    for number in (3, 4):
        running.send(mail(number), SEALED)

    def parked() -> list[dict[str, Any]]:
        traces = {fact["traceId"] for number in (3, 4) for fact in facts(operate, number)}
        return [each for each in rows("parked", "list") if each["traceId"] in traces]

    first, second = wait_for(lambda: found if len(found := parked()) == 2 else None)
    assert rows("parked", "show", first["id"])[0]["station"] == "deliver"
    kms.enable_key(KeyId=key)
    assert operate("parked", "redrive", first["id"]).returncode == 0
    assert operate("parked", "discard", second["id"]).returncode == 0
    assert wait_for(lambda: rows("mailbox", "list", SEALED))
    assert parked() == []
    assert rows("trace", second["traceId"])[-1]["name"] == "DISCARDED"


def test_a_right_that_is_missing_is_named(
    running: RunningStack, operate: Callable[..., subprocess.CompletedProcess[bytes]]
) -> None:
    running.fault(service="cloudformation", operation="DescribeStacks", error="AccessDenied", status=403)
    try:
        done = operate("trace", "x")
    finally:
        running.fault()
    said = b"postroom: not allowed: cloudformation:DescribeStacks (DescribeStacks was refused on request)\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_stacks_that_are_not_meant_are_left_alone(running: RunningStack, tmp_path: Path) -> None:
    for name, said in (("postroom", b"not set"), ("nothing", b"there is no stack nothing")):
        done = forked_cli.run(["--stack", name, "parked", "list"], environment(running), tmp_path)
        assert done.returncode == 1
        assert said in done.stderr
