"""One `postroom up` that containers reach, and functions in AWS's container against it, as the README says."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
import pytest

from cli import running
from cli.samples import read_answer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
SAM: Final = str(ROOT / ".venv-sam/bin/sam")
POSTROOM: Final = str(Path(sys.executable).with_name("postroom"))
EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - a container reaches the host by another address than 127.0.0.1
FREE_PORTS: Final = ["--port", "0", "--smtp-port", "0", "--submission-port", "0", "--submissions-port", "0"]
PASSWORD: Final = "Correct-Horse-9"
READY_SECONDS: Final = 60
INVOKE_SECONDS: Final = 240
"""The first invocation builds an image of the layers."""


@dataclass(frozen=True)
class UpStack:
    """A running `postroom up`; ``environment`` is that of this process, with what it exports."""

    environment: dict[str, str]

    @property
    def variables(self) -> dict[str, dict[str, str]]:
        """The variables that it wrote for sam, by function."""
        found: dict[str, dict[str, str]] = json.loads((ROOT / ".postroom/sam-env.json").read_text())
        return found

    def client(self, service: str) -> Any:
        """Return a stock client."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.environment.get(
                f"AWS_ENDPOINT_URL_{service.upper()}", self.environment["AWS_ENDPOINT_URL"]
            ),
            region_name=self.environment["AWS_REGION"],
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
        )

    def mailbox(self, address: str) -> tuple[str, str]:
        """Make an organization for an address's domain, and its user; return the ids of both."""
        workmail = self.client("workmail")
        name, domain = address.split("@")
        organization = workmail.create_organization(Alias=domain.split(".")[0])["OrganizationId"]
        workmail.register_mail_domain(OrganizationId=organization, DomainName=domain)
        user = workmail.create_user(OrganizationId=organization, Name=name, DisplayName=name, Password=PASSWORD)
        workmail.register_to_work_mail(OrganizationId=organization, EntityId=user["UserId"], Email=address)
        return organization, user["UserId"]

    def postroom(self, *arguments: str) -> bytes:
        """Run the command line against it."""
        command = [POSTROOM, *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, check=True, stdout=subprocess.PIPE, timeout=60
        ).stdout

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """Return what a command prints with `--json`."""
        found: list[dict[str, Any]] = json.loads(self.postroom(*arguments, "--json"))
        return found

    def sent_to(self, address: str) -> list[bytes]:
        """Return the messages in the outbox with an envelope recipient."""
        envelopes = sorted(Path(self.environment["POSTROOM_OUTBOX"]).glob("*.json"))
        found = [path for path in envelopes if address in json.loads(path.read_text("utf-8"))["to"]]
        return [path.with_suffix(".eml").read_bytes() for path in found]

    @contextlib.contextmanager
    def entered(self) -> Iterator[running.Stack]:
        """Let this process's own clients reach it meanwhile."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            yield running.Stack(self.environment)


@pytest.fixture(scope="session")
def up() -> Iterator[UpStack]:
    command = [POSTROOM, "up", "--host", EVERYWHERE, *FREE_PORTS]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            assert ready["ready"] is True
            yield UpStack({**os.environ, **ready["env"]})
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=READY_SECONDS) == 0


def invoke(function: str, event: Path) -> Any:
    """Invoke a function with samconfig.toml's defaults alone; return its answer."""
    command = [SAM, "local", "invoke", function, "--event", str(event)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=INVOKE_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return read_answer(done.stdout.encode())
