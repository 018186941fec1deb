"""The front door of mail clients that submit, and the port: one organization, and a fake that takes submissions."""

from __future__ import annotations

import contextlib
import json
import smtplib
import ssl
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from local.mail import submission_program
from local.mail.certificate import certificate_for
from local.mail.listener import listening
from local.mail.services import Service
from local.mail.submission_port import SubmissionServer
from postroom.access.compiled_rules import CompiledRules
from postroom.access.decision import Access
from postroom.adapters.memory.audit_trail import MemoryAuditTrail
from postroom.model.access_effect import AccessEffect
from postroom.model.access_rules import AccessRule
from postroom.model.records import Put, Replace
from postroom.smtp.front import Front
from postroom.submission.submission import Submission, Submitted
from tests.support.logins import Logins

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postroom.model.audit_deliveries import LogType
    from postroom.smtp.replies import Reply


@dataclass
class Submits:
    """Takes submissions; `error` is raised in place of an answer."""

    taken: list[Submission] = field(default_factory=list)
    error: Exception | None = None

    def submit(self, submission: Submission) -> Submitted:
        if self.error:
            raise self.error
        self.taken.append(submission)
        return Submitted("trace-1", "<1@acme.example>")


class FrontDoor:
    """The front door of the organization m-1."""

    def __init__(self) -> None:
        self.logins, self.trail, self.submits, self.ids = Logins(), MemoryAuditTrail(), Submits(), 0
        directory = self.logins.directory
        self.front = Front(
            accounts=directory,
            passwords=self.logins.passwords,
            access=Access(CompiledRules(directory), directory),
            trail=self.trail,
            submits=self.submits,
            now_ms=lambda: self.logins.now_ms,
            new_id=self.new_id,
        )

    def new_id(self) -> str:
        self.ids += 1
        return f"id-{self.ids}"

    def deny(self, **conditions: Any) -> None:
        """Add a rule that denies, as the admin API does."""
        found = self.logins.directory.organization("m-1")
        assert found is not None
        made: dict[str, Any] = {"organization_id": "m-1", "created": 1, "modified": 1}
        allow = AccessRule(name="default", effect=AccessEffect.ALLOW, **made)
        deny = AccessRule(name="deny", effect=AccessEffect.DENY, **made | conditions)
        raised = replace(found, access_version=found.access_version + 1)
        self.logins.directory.commit([Replace(raised), Put(allow), Put(deny)])

    def fields(self, log_type: LogType) -> list[dict[str, Any]]:
        return [dict(record.fields) for record in self.trail.records if record.type == log_type]


class Port(FrontDoor):
    """Both ports, what they logged, and how a client trusts them."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        certificate, key = certificate_for(["localhost", "127.0.0.1"], folder)
        self.certificate = certificate
        self.trust = ssl.create_default_context(cafile=str(certificate))
        self.lines: list[str] = []
        self.server = SubmissionServer(
            self.front,
            {service: listening("127.0.0.1", 0, service) for service in Service},
            submission_program.tls_context(certificate, key),
            host_name="mail.acme.example",
            log=self.log,
        )
        self.server.start()

    def log(self, command: str, reply: Reply) -> None:
        self.lines.append(f"{command} {reply.text[:3]} {json.dumps(dict(reply.log))}")

    def address(self, service: Service) -> tuple[str, int]:
        return "127.0.0.1", self.server.ports[service]

    @contextlib.contextmanager
    def connected(self) -> Iterator[smtplib.SMTP]:
        """Connect to the port with STARTTLS."""
        with smtplib.SMTP(*self.address(Service.SUBMISSION), timeout=30) as client:
            yield client

    @contextlib.contextmanager
    def secured(self, service: Service = Service.SUBMISSION) -> Iterator[smtplib.SMTP]:
        """Connect to a port, and begin TLS as it wants it."""
        with contextlib.ExitStack() as stack:
            if service is Service.SUBMISSION:
                client = stack.enter_context(self.connected())
                client.starttls(context=self.trust)
            else:
                client = stack.enter_context(smtplib.SMTP_SSL(*self.address(service), timeout=30, context=self.trust))
            client.ehlo("client.example")
            yield client
