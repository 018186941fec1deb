"""The whole stack as `postroom up` runs it, in a folder of its own: called by stock clients, killed by tests.

The folder uses template, functions and layers of the checkout, so that another stack that runs there is
not disturbed. Queues deliver a killed worker's messages again after seconds, not minutes; nothing else differs.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import smtplib
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.config import Config

from cli import stack_outputs
from cli.repository import STACK_NAME
from cli.running import session
from postroom.adapters.aws import clients
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.bootstrap import operator
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.records import AddressClaim, Entity, Insert, Membership
from postroom.ports.mailboxes import MailboxOwner
from tests.support import forked_cli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from postroom.bootstrap.operator import Operator
    from postroom.model.records import Organization

ROOT: Final = Path(__file__).parents[2]
VISIBILITY: Final = 10
"""Seconds after which a queue delivers a killed worker's messages again; longer than any batch here takes."""

PATIENCE_S: Final = 240.0
"""Seconds within which a condition of a test must hold on the busiest machine; a test goes on as soon as it holds."""

SHARED_NAME: Final = "mail-prod"
"""The name of the stack that the stack tests share: not the one of `up`."""

PASSWORD: Final = "Correct-Horse-9"
SENDER: Final = "sender@elsewhere.example"
RUN: Final = """
import json
import sys
from pathlib import Path
from local.settings import UpSettings
from local.stack import run
root, port, speed, env_vars, more, *functions = sys.argv[1:]
more = {"ses_headers": False, **json.loads(more)}
more |= {name: Path(more[name]) for name in more if name.endswith("_certificates")}
sys.exit(run(UpSettings(root=Path(root), port=int(port), smtp_port=0, speed=int(speed),
    functions=tuple(map(Path, functions)), env_vars=Path(env_vars) if env_vars else None, **more)))
"""


class RunningStack:
    """A running stack; ``logs`` is the folder of its functions' output."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        speed: int = 1,
        variables: Mapping[str, str] | None = None,
        functions: Sequence[Path] = (),
        env_vars: Path | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Start it; ``settings`` are further ones of `postroom up`, by their names in ``UpSettings``."""
        self.logs = folder / ".postroom" / "logs"
        for name in ("functions", "layers", "samconfig.toml"):
            (folder / name).symlink_to(ROOT / name)
        template = (ROOT / "template.yaml").read_text("utf-8")
        template, queues = re.subn(r"VisibilityTimeout: \d{3,}\b", f"VisibilityTimeout: {VISIBILITY}", template)
        assert queues > 5
        (folder / "template.yaml").write_text(template, "utf-8")
        arguments = [folder, port, speed, env_vars or "", json.dumps(settings or {}), *functions]
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUN, *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
            env={**own_environment(), **(variables or {})},
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the stack did not start"
        self.environment: dict[str, str] = json.loads(line)["env"]
        if settings and "stack_name" in settings:
            self.environment["POSTROOM_STACK"] = settings["stack_name"]
        self.settings = self._settings()

    def stop(self) -> None:
        """Stop it; its exit status must be 0."""
        assert self.process.poll() is None, "the stack has ended by itself"
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE_S) == 0
        self.process.communicate()

    @contextlib.contextmanager
    def entered(self) -> Iterator[RunningStack]:
        """Let this process's own adapters reach the stack meanwhile."""
        with pytest.MonkeyPatch.context() as patch:
            for name in _foreign():
                patch.delenv(name)
            for name, value in self.environment.items():
                patch.setenv(name, value)
            clients.forget()
            try:
                yield self
            finally:
                clients.forget()

    def client(self, service: str, **own: str) -> Any:
        """Return a stock client without retries; ``own`` are credentials of its own."""
        make: Any = session().create_client
        url = self.environment.get(f"AWS_ENDPOINT_URL_{service.upper()}", self.environment["AWS_ENDPOINT_URL"])
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", **own}
        return make(service, endpoint_url=url, region_name="us-east-1", config=config, **keys)

    def command(self, *arguments: object) -> subprocess.CompletedProcess[bytes]:
        """Run `postroom …` against this stack."""
        return forked_cli.run([str(each) for each in arguments], {**own_environment(), **self.environment}, Path.cwd())

    def rows(self, *arguments: object) -> list[dict[str, Any]]:
        """Return what `postroom … --json` prints."""
        done = self.command(*arguments, "--json")
        assert done.returncode == 0, done.stderr.decode()
        read: list[dict[str, Any]] = json.loads(done.stdout)
        return read

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
        """Run a command with the variables that the stack exports."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**own_environment(), **self.environment, "PATH": path}
        return subprocess.run(command, env=environment, capture_output=True, timeout=PATIENCE_S, check=False)

    def send(self, content: bytes, *recipients: str, sender: str = SENDER) -> None:
        """Send one message over SMTP, as it is."""
        with self.smtp() as smtp:
            assert smtp.sendmail(sender, recipients, content) == {}

    def smtp(self) -> smtplib.SMTP:
        """Return a connection to the Internet's side of SES."""
        host, _, port = self.environment["POSTROOM_SMTP"].partition(":")
        return smtplib.SMTP(host, int(port), timeout=120)

    def organization(self, alias: str, **more: str) -> str:
        """Create an organization with the domain ``<alias>.example``; return its id."""
        workmail = self.client("workmail")
        made = str(workmail.create_organization(Alias=alias, **more)["OrganizationId"])
        workmail.register_mail_domain(OrganizationId=made, DomainName=f"{alias}.example")
        return made

    def user(self, organization_id: str, name: str, email: str) -> str:
        """Create and enable a user through the API; return the id."""
        workmail = self.client("workmail")
        made = str(
            workmail.create_user(
                OrganizationId=organization_id, Name=name, DisplayName=name.title(), Password=PASSWORD
            )["UserId"]
        )
        workmail.register_to_work_mail(OrganizationId=organization_id, EntityId=made, Email=email)
        return made

    def crowd(self, organization_id: str, group: str, names: Iterable[str], domain: str) -> None:
        """Put many users with mailboxes, and a group of them all, straight into the tables.

        The API takes minutes for thousands: it stretches every password.
        """
        directory, operator = self.directory(), self.operator()
        organization = directory.organization(organization_id)
        assert organization is not None
        directory.commit(_entity(organization, group, EntityKind.GROUP, domain))
        owner = MailboxOwner(organization.id, organization.arn, organization.kms_key_arn)
        for name in names:
            membership = Membership(
                organization_id=organization.id, group_id=group, member_id=name, member_kind=EntityKind.USER
            )
            directory.commit([*_entity(organization, name, EntityKind.USER, domain), Insert(membership)])
            wrapped = operator.keys.new(organization.kms_key_arn, organization.arn)
            assert operator.mailboxes.create(name, owner, wrapped_key=wrapped, quota_bytes=1 << 30, now_ms=_now())

    def directory(self) -> DynamoDirectory:
        """Return the directory itself; within ``entered``."""
        return DynamoDirectory(DirectoryTable(clients.dynamodb(), self.settings["DIRECTORY_TABLE"]))

    def operator(self) -> Operator:
        """Return the operator's tools; within ``entered``."""
        return operator.build({**os.environ, **self.settings, **self._told()})

    def workers(self, function: str) -> list[int]:
        """Return the processes that run a function (its folder's name), alive now."""
        return [pid for pid, command in children(self.process.pid) if f"/functions/{function}" in command]

    def all_workers(self) -> list[int]:
        """Return the processes of all functions, alive now."""
        return [pid for pid, command in children(self.process.pid) if "/functions/" in command]

    def scan(self, table: str) -> list[dict[str, Any]]:
        """Return every row of a table (a variable's name)."""
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=self.settings[table])
        return [row for page in pages for row in page["Items"]]

    def copies_of(self, mailbox_id: str) -> int:
        """Return how many messages one mailbox has; cheap, unlike ``copies``."""
        pages = (
            self.client("dynamodb")
            .get_paginator("query")
            .paginate(
                TableName=self.settings["MAILBOX_TABLE"],
                KeyConditionExpression="pk = :mailbox AND begins_with(sk, :place)",
                ExpressionAttributeValues={":mailbox": {"S": mailbox_id}, ":place": {"S": "in:"}},
                Select="COUNT",
            )
        )
        return sum(int(page["Count"]) for page in pages)

    def copies(self) -> dict[str, int]:
        """Return the number of messages of each mailbox that has any."""
        found: dict[str, int] = {}
        for row in self.scan("MAILBOX_TABLE"):
            if row["sk"]["S"].startswith("in:"):
                found[row["pk"]["S"]] = found.get(row["pk"]["S"], 0) + 1
        return found

    def is_idle(self) -> bool:
        """Say whether ingest and deliver have no message, waiting or in flight; cheap, unlike ``copies``."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        sqs = self.client("sqs")
        for url in (self.settings["INGEST_QUEUE_URL"], self.settings["DELIVER_QUEUE_URL"]):  # in the order of the way
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            if any(int(found[name]) for name in names):
                return False
        return True

    def events(self, group: str) -> list[dict[str, Any]]:
        """Return the records of an organization's event log; none if there is no log yet."""
        logs = self.client("logs")
        names = [each["logGroupName"] for each in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]]
        if group not in names:
            return []
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        return [json.loads(event["message"]) for page in pages for event in page["events"]]

    def fault(self, **fault: Any) -> None:
        """Make the emulator refuse calls; without arguments, accept all again."""
        data = json.dumps(fault).encode() if fault else None
        url = f"{self.environment['AWS_ENDPOINT_URL']}/_postroom/faults"
        request = urllib.request.Request(url, data, method="POST" if fault else "DELETE")  # noqa: S310  our own http
        with urllib.request.urlopen(request) as answer:  # noqa: S310  our own http
            assert answer.status == 200

    def faults(self) -> list[dict[str, Any]]:
        """Return the faults that are in force."""
        url = f"{self.environment['AWS_ENDPOINT_URL']}/_postroom/faults"
        with urllib.request.urlopen(url) as answer:  # noqa: S310  our own http
            found: list[dict[str, Any]] = json.load(answer)
        return found

    def _told(self) -> dict[str, str]:
        """Return what the stack's outputs tell its operators; some queues are no function's setting."""
        name = self.environment.get("POSTROOM_STACK", STACK_NAME)
        (stack,) = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        return stack_outputs.settings_of({each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]})

    def _settings(self) -> dict[str, str]:
        functions = self.client("lambda").list_functions()["Functions"]
        found: dict[str, str] = {}
        for function in functions:
            found.update(function.get("Environment", {}).get("Variables", {}))
        return found


def wait_for(look: Callable[[], Any], seconds: float = PATIENCE_S, every: float = 0.1) -> Any:
    """Return the first true value; fail after a time. A pause is at least as long as the call of ``look``."""
    deadline = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        if found := look():
            return found
        now = time.monotonic()
        assert now < deadline, f"not within {seconds} s"
        time.sleep(max(every, now - began))


def peak_memory(pid: int) -> int:
    """Return the most memory that a process ever had resident, in bytes (VmHWM, proc(5))."""
    (line,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("ascii"))
    return int(line) * 1024


def children(parent: int) -> Iterator[tuple[int, str]]:
    """Yield the processes that a process started, with their command lines."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            above = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # it ended meanwhile
        if above == parent:
            yield int(entry.name), command


def _entity(organization: Organization, name: str, kind: EntityKind, domain: str) -> list[Insert]:
    entity = Entity(
        organization_id=organization.id,
        id=name,
        kind=kind,
        name=name,
        created=_now(),
        state=EntityState.ENABLED,
        role=Role.USER if kind is EntityKind.USER else None,
        email=f"{name}@{domain}",
    )
    claim = AddressClaim(address=f"{name}@{domain}", organization_id=organization.id, entity_id=name, kind=kind)
    return [Insert(entity), Insert(claim)]


def _now() -> int:
    return time.time_ns() // 1_000_000


def _foreign() -> list[str]:
    return [name for name in os.environ if name.startswith(("AWS_", "POSTROOM_"))]


def own_environment() -> dict[str, str]:
    """Return this process's, without what another stack or account exported."""
    return {name: value for name, value in os.environ.items() if name not in _foreign()}
