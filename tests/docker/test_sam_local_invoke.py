"""One function in AWS's container, against a running local stack: the way a developer tries a change."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from botocore.exceptions import ClientError

ROOT: Final = Path(__file__).parents[2]
SAM: Final = str(ROOT / ".venv-sam/bin/sam")
POSTROOM: Final = str(Path(sys.executable).with_name("postroom"))
EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - a container reaches the host by another address than 127.0.0.1
MESSAGE: Final = b"From: a@example.net\r\nTo: %s\r\nSubject: in a container\r\n\r\nbare\nline, 8-bit \xe9\r\n"
FREE_PORTS: Final = ["--port", "0", "--smtp-port", "0", "--submission-port", "0", "--submissions-port", "0"]
READY_SECONDS: Final = 60
INVOKE_SECONDS: Final = 240  # the first invocation builds an image of the layers
PASSWORD: Final = "Correct-Horse-9"

pytestmark = [pytest.mark.docker, pytest.mark.timeout(READY_SECONDS + INVOKE_SECONDS + 60)]


@pytest.fixture(scope="module")
def stack() -> Iterator[dict[str, str]]:
    """Run `postroom up`, reachable from containers; yield the environment that it exports."""
    command = [POSTROOM, "up", "--host", EVERYWHERE, *FREE_PORTS]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            assert ready["ready"] is True
            yield {**os.environ, **ready["env"]}
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=READY_SECONDS) == 0


@pytest.fixture(scope="module")
def settings(stack: dict[str, str]) -> dict[str, str]:
    """Return the variables that `up` wrote for sam."""
    variables: dict[str, dict[str, str]] = json.loads((ROOT / ".postroom/sam-env.json").read_text())
    return variables["IngestFunction"]


@pytest.fixture(scope="module")
def event() -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events/ingest.json").read_text())
    return event


def client(stack: dict[str, str], service: str) -> Any:
    """Return a stock client of the running stack."""
    endpoint = stack.get(f"AWS_ENDPOINT_URL_{service.upper()}", stack["AWS_ENDPOINT_URL"])
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint,
        region_name=stack["AWS_REGION"],
        aws_access_key_id=stack["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=stack["AWS_SECRET_ACCESS_KEY"],
    )


def make_mailbox(stack: dict[str, str], address: str) -> None:
    """Make an organization whose domain and user receive ``address``, unless they are there."""
    workmail = client(stack, "workmail")
    name, domain = address.split("@")
    organization = workmail.create_organization(Alias="container")["OrganizationId"]
    workmail.register_mail_domain(OrganizationId=organization, DomainName=domain)
    user = workmail.create_user(OrganizationId=organization, Name=name, DisplayName=name, Password=PASSWORD)["UserId"]
    workmail.register_to_work_mail(OrganizationId=organization, EntityId=user, Email=address)


def postroom(stack: dict[str, str], *arguments: str) -> bytes:
    """Run the command line against the stack."""
    return subprocess.run(
        [POSTROOM, *arguments], cwd=ROOT, env=stack, check=True, stdout=subprocess.PIPE, timeout=60
    ).stdout


def invoke(function: str, event: Path) -> Any:
    """Invoke a function as the README says, with samconfig.toml's defaults alone."""
    command = [SAM, "local", "invoke", function, "--event", str(event)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=INVOKE_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_message_that_ingest_took_in_a_container_lies_in_the_mailbox(
    stack: dict[str, str], settings: dict[str, str], event: dict[str, Any], tmp_path: Path
) -> None:
    notification = json.loads(event["Records"][0]["body"])
    address = notification["receipt"]["recipients"][0]
    raw = MESSAGE % address.encode()
    make_mailbox(stack, address)
    action = notification["receipt"]["action"]
    action["bucketName"] = settings["INBOUND_BUCKET"]
    client(stack, "s3").put_object(Bucket=settings["INBOUND_BUCKET"], Key=action["objectKey"], Body=raw)
    event["Records"][0]["body"] = json.dumps(notification)
    (tmp_path / "event.json").write_text(json.dumps({"Records": event["Records"][:1]}))

    assert invoke("IngestFunction", tmp_path / "event.json") == {"batchItemFailures": []}

    items = wait_for_items(stack, address)
    assert [item["subject"] for item in items] == ["in a container"]
    assert postroom(stack, "mailbox", "show", address, items[0]["id"]) == raw


def wait_for_items(stack: dict[str, str], address: str) -> list[dict[str, Any]]:
    """Return the mailbox's items once deliver, which runs in the stack, has put one there."""
    for _ in range(50):
        items: list[dict[str, Any]] = json.loads(postroom(stack, "mailbox", "list", address, "--json"))
        if items:
            return items
    raise AssertionError(f"nothing came to {address}")


def test_the_sample_event_runs_as_it_is(stack: dict[str, str]) -> None:
    assert invoke("IngestFunction", ROOT / "events/ingest.json") == {"batchItemFailures": []}


def test_the_stack_really_refuses_what_is_not_there(stack: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="NotFound"):
        client(stack, "workmail").describe_organization(OrganizationId="m-" + "0" * 32)
