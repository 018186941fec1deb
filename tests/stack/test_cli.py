"""A running stack from outside, through the command line; the README's commands are among them."""

import json
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import boto3
import pytest

from postroom.mime.ses_fields import own_bytes
from postroom.model.limits import MAX_MESSAGE_BYTES
from tests.support import forked_cli
from tests.support.running_stack import PATIENCE_S, wait_for

ROOT: Final = Path(__file__).parents[2]
BIN: Final = Path(sys.executable).parent
PATIENCE: Final = PATIENCE_S
"""Seconds that a projection may take on a busy machine."""

BLOCKS: Final = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
PLAIN: Final = (ROOT / "events" / "messages" / "plain.eml").read_bytes()
DISABLED: Final = "KeyUnavailableError: the organization's KMS key cannot be used: DisabledException"
LOGS: Final = ROOT / ".postroom" / "logs"
MESSAGE: Final = ROOT / "events" / "messages" / "plain.eml"
ADA: Final = "ada@example.com"
FREE_PORTS: Final = ["--port", "0", "--smtp-port", "0", "--submission-port", "0", "--submissions-port", "0"]

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]


def environment(**more: str) -> dict[str, str]:
    """Return this process's, without what another stack or account exported, with the CLI on the path."""
    foreign = ("AWS_", "POSTROOM_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **more}


@pytest.fixture(scope="module")
def stack() -> Iterator[dict[str, str]]:
    """Run `postroom up`; yield what it exports."""
    command = [str(BIN / "python"), "-m", "cli", "up", *FREE_PORTS]
    with subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["env"]
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=PATIENCE) == 0


def postroom(*arguments: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    return forked_cli.run([str(each) for each in arguments], env or environment(), ROOT)


def rows(*arguments: object) -> list[dict[str, Any]]:
    done = postroom(*arguments, "--json")
    assert done.returncode == 0, done.stderr.decode()
    read: list[dict[str, Any]] = json.loads(done.stdout)
    return read


def wait_for_events(name: str, count: int) -> list[dict[str, Any]]:
    """Return the records of one event once there are that many."""

    def enough() -> list[dict[str, Any]]:
        found = [row for row in rows("events") if row["event"]["eventName"] == name]
        return found if len(found) >= count else []

    return list(wait_for(enough))


def shell(script: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def example(stack: dict[str, str]) -> None:
    """The README's organization, with its first two messages delivered."""
    shell(BLOCKS[0])
    wait_for_events("MAILBOX_EMAIL_DELIVERED", 2)


def test_the_commands_of_the_readme_show_what_happened_to_a_message(example: None) -> None:
    shown = shell(". .postroom/env\n" + BLOCKS[1])
    listed, _, rest = shown.partition("┬─ received")
    assert "Minutes of Friday's meeting" in listed
    assert "JUNK_EMAIL" in listed
    assert "ada@example.com → INBOX" in rest
    assert rest.count('"eventName":"MAILBOX_EMAIL_DELIVERED"') == 2
    assert shell(". .postroom/env\n" + BLOCKS[2]) == "ada@example.com\t2\n"


def test_the_commands_of_the_readme_apply_rules_and_say_why_one_decides(example: None) -> None:
    find = "aws workmail list-organizations --query 'OrganizationSummaries[0].OrganizationId' --output text"
    shown = shell(f". .postroom/env\nORGANIZATION=$({find})\n{BLOCKS[3]}")
    assert "6 to create, 0 to change, 0 to delete, 0 unchanged" in shown
    assert "ada@example.com: DEFAULT by rule 'The fair is welcome'" in shown
    assert "ben@example.com: DEFAULT by rule 'The fair is welcome'" in shown
    names = [name for name, _ in json.loads(shown[shown.index("[\n") :])]
    assert sorted(names) == ["Ben has left", "No offers", "Our newsletter is no spam", "The fair is welcome"]


def test_a_message_comes_out_as_it_went_in(example: None) -> None:
    (item,) = [row for row in rows("mailbox", "list", ADA, "--folder", "INBOX") if row["deliveredTo"] != ADA]
    assert item["deliveredTo"] == "info@example.com"
    assert postroom("mailbox", "show", ADA, item["id"]).stdout[-len(PLAIN) :] == PLAIN


def test_a_message_is_shown_as_ses_stored_it_with_its_own_fields_before_the_bytes_that_were_sent(
    example: None, stack: dict[str, str], tmp_path: Path
) -> None:
    odd = b"Subject: odd\nMessage-ID: <odd@example.net>\n\nbare\n.dot\n\xff\xfe\rbare CR " + b"x" * 5000 + b"\r\n.\r\n"
    (tmp_path / "odd.eml").write_bytes(odd)
    assert postroom("send", tmp_path / "odd.eml", "--from", "a@example.net", "--to", ADA).returncode == 0
    found = wait_for(lambda: [row for row in rows("mailbox", "list", ADA) if row["messageId"] == "<odd@example.net>"])
    shown = postroom("mailbox", "show", ADA, found[0]["id"]).stdout
    assert shown[own_bytes(shown) :] == odd
    assert shown in stored(stack)


def test_a_message_of_40_mb_passes_in_less_than_300_mb(example: None, tmp_path: Path) -> None:
    head, end = b"From: a@example.net\r\nMessage-ID: <large@example.net>\r\n\r\n", b"\r\n"
    middle = random.Random(1).randbytes(MAX_MESSAGE_BYTES - len(head) - len(end))  # noqa: S311 - any bytes will do
    large = head + middle + end
    (tmp_path / "large.eml").write_bytes(large)
    assert postroom("send", tmp_path / "large.eml", "--from", "a@example.net", "--to", ADA).returncode == 0
    found = wait_for(lambda: [row for row in rows("mailbox", "list", ADA) if row["messageId"] == "<large@example.net>"])
    assert postroom("mailbox", "show", ADA, found[0]["id"]).stdout.endswith(b"\r\n" + large)
    logs = "".join(path.read_text("utf-8") for path in LOGS.glob("*Function.log"))
    used = [int(megabytes) for megabytes in re.findall(r"Max Memory Used: (\d+) MB", logs)]
    assert 2 * MAX_MESSAGE_BYTES // 2**20 < max(used) < 300


def test_a_message_at_rest_is_ciphertext(example: None, stack: dict[str, str], tmp_path: Path) -> None:
    secrets = (b"Umbrella", b"whistle@example.net", b"Xylophone")
    (tmp_path / "m.eml").write_bytes(b"From: %s\r\nSubject: %s\r\n\r\n%s\r\n" % (secrets[1], secrets[0], secrets[2]))
    assert postroom("send", tmp_path / "m.eml", "--from", "whistle@example.net", "--to", ADA).returncode == 0
    wait_for(lambda: [row for row in rows("mailbox", "list", ADA) if row["subject"] == "Umbrella"])
    kept = kept_bytes(stack)
    raw = kept.pop("raw mail")
    assert all(secret in raw for secret in secrets)  # while it is in transit: the search itself works
    assert kept.keys() == {"sealed mail", "mailboxes", "operational logs"}
    assert all(kept.values())
    assert {(secret, place) for secret in (*secrets, ADA.encode()) for place in kept if secret in kept[place]} == set()


def user_under_a_key_of_its_own(stack: dict[str, str], address: str) -> str:
    """Make a user in an organization with a KMS key of its own; return the key's ARN."""
    workmail, key = client(stack, "workmail"), client(stack, "kms").create_key()["KeyMetadata"]["Arn"]
    name, _, domain = address.partition("@")
    organization = workmail.create_organization(Alias=domain.partition(".")[0], KmsKeyArn=key)["OrganizationId"]
    workmail.register_mail_domain(OrganizationId=organization, DomainName=domain)
    made = workmail.create_user(OrganizationId=organization, Name=name, DisplayName=name, Password="Correct-Horse-9")
    workmail.register_to_work_mail(OrganizationId=organization, EntityId=made["UserId"], Email=address)
    return str(key)


def client(stack: dict[str, str], service: str) -> Any:
    make: Any = boto3.client
    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    url = stack.get(f"AWS_ENDPOINT_URL_{service.upper()}", stack["AWS_ENDPOINT_URL"])
    return make(service, endpoint_url=url, region_name="us-east-1", **credentials)


def deliver_settings() -> dict[str, str]:
    read: dict[str, str] = json.loads((ROOT / ".postroom" / "sam-env.json").read_text("utf-8"))["DeliverFunction"]
    return read


def stored(stack: dict[str, str]) -> list[bytes]:
    """Return every message as SES stored it."""
    s3, bucket = client(stack, "s3"), deliver_settings()["INBOUND_BUCKET"]
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="inbound/")["Contents"]
    return [s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read() for found in listed]


def kept_bytes(stack: dict[str, str]) -> dict[str, bytes]:
    """Return the whole content of each store that a message is written to."""

    def objects(bucket: str) -> bytes:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
        return b"".join(key.encode() + s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys)

    s3, settings = client(stack, "s3"), deliver_settings()
    tables = client(stack, "dynamodb").get_paginator("scan").paginate(TableName=settings["MAILBOX_TABLE"])
    return {
        "raw mail": objects(settings["INBOUND_BUCKET"]),
        "sealed mail": objects(settings["MAIL_BUCKET"]),
        "mailboxes": repr([row for page in tables for row in page["Items"]]).encode(),
        "operational logs": b"".join(path.read_bytes() for path in LOGS.glob("*.log")),
    }


def test_a_trace_shows_every_fact_in_order(example: None) -> None:
    facts = rows("trace", "--message-id", "<minutes.20261120@example.net>")
    assert [fact["name"] for fact in facts] == ["ORGANIZATION_EMAIL_RECEIVED", "MAILBOX_EMAIL_DELIVERED"]
    assert rows("trace", facts[0]["traceId"]) == facts


def test_following_events_shows_them_as_lines(example: None) -> None:
    command = [str(BIN / "python"), "-m", "cli", "events", "--follow", "--json"]
    with subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=PATIENCE) == 0
    assert first["event"]["eventName"] == "ORGANIZATION_EMAIL_RECEIVED"


def test_a_recipient_of_an_unregistered_domain_is_refused_by_name(example: None) -> None:
    done = postroom("send", MESSAGE, "--from", "a@example.net", "--to", f"{ADA},who@elsewhere.example")
    assert done.returncode == 1
    assert done.stderr.startswith(b"postroom: who@elsewhere.example: 550")
    assert done.stderr.count(b"\n") == 1


def test_every_sample_has_the_described_result(example: None) -> None:
    results = rows("replay")
    assert {row["event"] for row in results} == {path.name for path in (ROOT / "events").glob("*.json")}


def test_a_parked_entry_is_listed_and_can_be_given_up(example: None) -> None:
    postroom("replay", ROOT / "events" / "ingest_malformed.json")
    parked = [row for row in rows("parked", "list") if row["cause"].endswith("receipt.action")]
    assert len(parked) == 1
    assert postroom("parked", "discard", parked[0]["id"]).returncode == 0
    assert parked[0]["id"] not in {row["id"] for row in rows("parked", "list")}


def test_a_disabled_key_parks_mail_and_enabling_it_and_redriving_delivers(example: None, stack: dict[str, str]) -> None:
    address, kms = "eve@locked.example", client(stack, "kms")
    key = user_under_a_key_of_its_own(stack, address)
    kms.disable_key(KeyId=key)
    assert postroom("send", MESSAGE, "--from", "a@example.net", "--to", address).returncode == 0
    parked = wait_for(lambda: [row for row in rows("parked", "list") if row["station"] == "deliver"])
    assert [row["cause"] for row in parked] == [DISABLED]
    assert postroom("mailbox", "list", address).returncode == 0  # the mailbox is empty, so nothing is decrypted
    kms.enable_key(KeyId=key)
    assert postroom("parked", "redrive", parked[0]["id"]).returncode == 0
    (item,) = wait_for(lambda: rows("mailbox", "list", address))
    assert postroom("mailbox", "show", address, item["id"]).stdout[-len(PLAIN) :] == PLAIN
    names = [fact["name"] for fact in rows("trace", parked[0]["traceId"])]
    recorded = ["ORGANIZATION_EMAIL_RECEIVED", "ORDER_STORED", "PARKED", "REDRIVEN", "MAILBOX_EMAIL_DELIVERED"]
    assert names == recorded


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("mailbox", "list", "nobody@example.com"), 1, "no user has the address"),
        (("mailbox", "show", ADA, "0"), 1, "has no message 0"),
        (("trace", "0"), 1, "nothing is known of 0"),
        (("parked", "redrive", "0/0"), 1, "nothing is parked as 0/0"),
        (("trace",), 2, "give a TRACE_ID"),
        (("send", "no-such-file", "--from", "a@b.c", "--to", "d@e.f"), 2, "no-such-file"),
        (("send",), 2, ""),
        (("mailbox", "list"), 2, ""),
        (("no-such-command",), 2, ""),
    ],
)
def test_a_refusal_is_a_line_and_an_exit_status(
    example: None, arguments: tuple[str, ...], status: int, said: str
) -> None:
    done = postroom(*arguments)
    assert done.returncode == status
    assert said in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""


def test_a_stack_that_does_not_run_is_one_clear_line() -> None:
    nowhere = dict.fromkeys(("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA"), "http://127.0.0.1:9")
    made_up = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    for arguments in (("mailbox", "list", ADA), ("trace", "0"), ("events",), ("parked", "list"), ("replay",)):
        done = postroom(*arguments, env=environment(**nowhere, **made_up))
        assert done.returncode == 1, arguments
        assert re.fullmatch(r"postroom: the stack does not answer .*start it with.*\n", done.stderr.decode()), arguments
