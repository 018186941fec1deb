"""The emulator as a process: a child process of ours (moto), or a LocalStack that runs already."""

from __future__ import annotations

import json
import select
import socket
import time
import urllib.request
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cli.errors import UsageError
from local.child import Child
from local.emulator.stacks import PATH

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from local.aws import Aws

START_SECONDS: Final = 60.0
"""How long moto may take to be imported. Ours; two seconds on a quiet machine."""

_NOTHING: Final = {"Nothing": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}
"""A resource that makes nothing: a stack needs one. LocalStack (4.14.0) accepts it."""


class MotoProcess(Child):
    """`python -m local.emulator`; it also ends by itself when its parent is gone."""

    def __init__(self, host: str, port: int, log: Path, variables: Mapping[str, str]) -> None:
        """Start it and wait until it answers.

        Args:
            host: address to listen on.
            port: 0 takes any free one.
            log: file for what it writes to stderr.
            variables: further environment variables for it.

        Raises:
            UsageError: it cannot listen there, or does not come up.
        """
        listening = ("--host", host, "--port", str(port))
        super().__init__("local.emulator", *listening, log=log, variables=variables, pipe=True)
        try:
            self.port = self._wait_until_ready(log)
        except BaseException:
            self.close()
            raise

    def _wait_until_ready(self, log: Path) -> int:
        stdout = self._process.stdout
        if stdout is None:  # never: opened as a pipe above
            raise UsageError("the emulator has no output")
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if select.select([stdout], [], [], 0.5)[0]:
                line = stdout.readline()
                if not line:
                    break
                ready = json.loads(line)
                return int(ready["port"])
        self._process.poll()
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise UsageError(said[-1] if said else "the emulator did not come up")


class LocalStack:
    """A LocalStack that runs already; found as localstack-client finds it."""

    def __init__(self) -> None:
        """Find it.

        Raises:
            UsageError: it does not answer.
        """
        from localstack_client.config import get_service_endpoint

        self.url = str(get_service_endpoint("s3")).rstrip("/")
        parts = urlsplit(self.url)
        try:
            socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 80), timeout=3).close()
        except OSError as error:
            raise UsageError(f"no LocalStack answers at {self.url} ({error.strerror or error})") from error


def refuse_leftovers(aws: Aws, name: str) -> None:
    """Check that LocalStack has nothing of an earlier `up`: what there is would be neither new nor empty.

    Raises:
        UsageError: it has queues of a stack of this name.
    """
    if aws.client("sqs").list_queues(QueueNamePrefix=f"{name}-").get("QueueUrls"):
        raise UsageError(
            "this LocalStack has the resources of an earlier `postroom up`: restart it, and DynamoDB with it"
        )


def tell_moto(emulator_url: str, name: str, outputs: Mapping[str, str]) -> None:
    """Let our emulator answer DescribeStacks about a stack."""
    body = json.dumps({"name": name, "outputs": outputs}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{emulator_url}{PATH}", body)):  # noqa: S310  our own http
        return


def tell_localstack(aws: Aws, name: str, outputs: Mapping[str, str]) -> None:
    """Make a stack at LocalStack that has nothing but these outputs; one of an earlier `up` is replaced."""
    cloudformation = aws.client("cloudformation")
    template = {"Resources": _NOTHING, "Outputs": {key: {"Value": value} for key, value in outputs.items()}}
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
