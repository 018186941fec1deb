"""The front for mail clients in this process, as API Gateway calls it, and exchangelib in front of it, unmodified.

Requests go through the same authorizer and gateway responses as on a local stack; only the sockets are missing.
"""

from __future__ import annotations

import base64
import functools
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from exchangelib import Configuration, Credentials
from exchangelib.protocol import BaseProtocol, CachingProtocol, Protocol

from cli.repository import repository_root
from local.api.authorizers import authorizer_of
from local.api.routes import Api, Route
from local.functions.function import Function
from local.functions.pool import Answer
from local.template.reading import load
from local.web import Request, Response
from postroom.access.authorize import Authorize
from postroom.access.compiled_rules import CompiledRules
from postroom.access.decision import Access
from postroom.adapters.memory.audit_trail import MemoryAuditTrail
from postroom.adapters.memory.directory import MemoryDirectory
from postroom.adapters.memory.mailboxes import MemoryMailboxes
from postroom.adapters.memory.metrics import MemoryMetrics
from postroom.adapters.memory.passwords import PlainPasswords
from postroom.adapters.memory.tables import MemoryTables
from postroom.effects.counted_trail import CountedTrail
from postroom.ews import front
from postroom.ews.context import Context
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.free_busy import FailureCode, MailboxFailure
from postroom.model.records import AddressClaim, AliasClaim, Entity, Insert, NameClaim, PasswordHash
from postroom.ports.mailboxes import MailboxOwner
from tests.support.directory_records import domain, organization
from tests.support.local_callers import ROOT_ONLY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from postroom.model.free_busy import MailboxResult, Question
    from postroom.model.records import Record

PASSWORD = "Correct-Horse-9"
URL = "http://127.0.0.1/EWS/Exchange.asmx"


@dataclass
class FixedAvailability:
    """Implements ``AvailabilityQueries`` with results by address; others are unknown mailboxes."""

    results: dict[str, MailboxResult] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    error: Exception | None = None

    def ask(self, question: Question) -> Sequence[MailboxResult]:
        self.questions.append(question)
        if self.error:
            raise self.error
        return [self.results.get(each) or _unknown(each) for each in question.mailboxes]


def _unknown(mailbox: str) -> MailboxFailure:
    return MailboxFailure(mailbox, FailureCode.MAIL_RECIPIENT_NOT_FOUND, "There is no such mailbox.")


class Front:
    """Two organizations, acme and other, behind the routes of template.yaml."""

    def __init__(self) -> None:
        api = _client_api()
        self.directory, self.passwords = MemoryDirectory(), PlainPasswords()
        self.availability = FixedAvailability()
        self.trail, self.metrics, self.now_ms = MemoryAuditTrail(), MemoryMetrics(), 1_800_000_000_000
        access = Access(CompiledRules(self.directory), self.directory)
        trail = CountedTrail(self.trail, self.metrics)
        self.authorize = Authorize(self.directory, self.passwords, trail)
        self.mailboxes = MemoryMailboxes(MemoryTables(), lambda: self.now_ms)
        self.context = Context(self.directory, self.availability, access, trail, self.mailboxes)
        self.sent: list[Request] = []
        for organization_id, alias in (("m-1", "acme"), ("m-2", "other")):
            owner = organization(organization_id, alias=alias)
            claim = AliasClaim(alias=alias, organization_id=organization_id)
            self.directory.commit([Insert(owner), Insert(claim), Insert(domain(f"{alias}.example", owner))])
        function = Function("ews", "EwsFunction", "app.handler", Path(), "python3.13")
        route = Route("ANY", "/{service}/{file}", function, authorizer=authorizer_of(api, {}))
        self.api = Api([route], self, ROOT_ONLY)  # type: ignore[arg-type]
        self._name = ""

    def user(self, name: str, *, organization_id: str = "m-1", password: str = PASSWORD, **changes: Any) -> Entity:
        """Add an entity with the address ``<name>@<alias>.example``, and a password if it is a user."""
        alias = {"m-1": "acme", "m-2": "other"}[organization_id]
        values: dict[str, Any] = {"kind": EntityKind.USER, "role": Role.USER, "state": EntityState.ENABLED}
        values |= {"email": f"{name}@{alias}.example", "attributes": {"DisplayName": name.title()}} | changes
        entity = Entity(organization_id=organization_id, id=f"id-{name}", name=name, created=1, **values)
        claims = [
            AddressClaim(address=each, organization_id=organization_id, entity_id=entity.id, kind=entity.kind)
            for each in entity.addresses
        ]
        hashed = PasswordHash(organization_id=organization_id, user_id=entity.id, hash=self.passwords.hash(password))
        named = NameClaim(organization_id=organization_id, name=name, entity_id=entity.id, kind=entity.kind)
        records: list[Record] = [entity, named, hashed, *claims]
        self.directory.commit([Insert(record) for record in records])
        owner = MailboxOwner(organization_id, f"arn:{organization_id}", "arn:key")
        self.mailboxes.create(entity.id, owner, wrapped_key=b"key", quota_bytes=1, now_ms=self.now_ms)
        return entity

    def pool(self, name: str) -> Front:
        self._name = name
        return self

    def invoke(self, payload: bytes, *, streamed: bool = False) -> Answer:
        event = json.loads(payload)
        if event.get("type") == "REQUEST":
            return Answer("id", json.dumps(self.authorize.answer(event, self.now_ms).response).encode())
        return Answer("id", json.dumps(front.answer(event, self.context, now_ms=self.now_ms).response).encode())

    def post(
        self,
        path: str,
        body: bytes | str,
        user: str = "ada@acme.example",
        password: str = PASSWORD,
        fields: Mapping[str, str] | None = None,
    ) -> Response:
        """Send one request with a user's password; without one if ``user`` is empty."""
        return self.send("POST", path, body.encode() if isinstance(body, str) else body, user, password, fields)

    def send(
        self,
        method: str,
        path: str,
        body: bytes,
        user: str,
        password: str = PASSWORD,
        fields: Mapping[str, str] | None = None,
    ) -> Response:
        headers = Message()
        for name, value in (fields or {}).items():
            headers[name] = value
        headers["Host"] = "mail.acme.example"
        headers["Content-Type"] = "text/xml; charset=utf-8"
        if user:
            headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        return self.api.answer(Request(method, path, headers, body, "192.0.2.1"))

    def answer(self, asked: requests.PreparedRequest) -> Response:
        """Answer a request of the package requests."""
        parts = urlsplit(str(asked.url))
        headers = Message()
        headers["Host"] = parts.netloc
        headers["X-Forwarded-Proto"] = parts.scheme
        for name, value in asked.headers.items():
            headers[name] = value.decode() if isinstance(value, bytes) else value
        body = asked.body.encode() if isinstance(asked.body, str) else asked.body
        assert isinstance(body, bytes | None)
        self.sent.append(Request(str(asked.method), parts.path, headers, body or b"", "192.0.2.1"))
        return self.api.answer(self.sent[-1])

    def versions(self) -> list[str]:
        """Return the versions that the requests since the last call asked for."""
        found = [each.body.partition(b'RequestServerVersion Version="')[2].partition(b'"')[0] for each in self.sent]
        self.sent.clear()
        return [each.decode() for each in found]


@functools.cache
def _client_api() -> dict[str, Any]:
    """Return the properties of the template's API, with an ARN in place of each function."""
    api = load(repository_root() / "template.yaml")["Resources"]["ClientApi"]["Properties"]
    arn = "arn:aws:lambda:us-east-1:123456789012:function:authenticate"
    authorizers = {name: {**each, "FunctionArn": arn} for name, each in api["Auth"]["Authorizers"].items()}
    return {**api, "Auth": {**api["Auth"], "Authorizers": authorizers}}


@contextmanager
def connected(front: Front) -> Iterator[None]:
    """Let exchangelib reach the front instead of the network; it has cached nothing before, and nothing afterwards."""

    class Adapter(requests.adapters.HTTPAdapter):
        def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
            answered = front.answer(request)
            made = requests.Response()
            made.status_code, made.request, made.url = answered.status, request, str(request.url)
            made.reason = HTTPStatus(answered.status).phrase
            made.headers.update({**answered.headers, **dict(answered.repeated)})
            made.raw = BytesIO(answered.body)
            return made

    before = BaseProtocol.HTTP_ADAPTER_CLS
    BaseProtocol.HTTP_ADAPTER_CLS = Adapter
    CachingProtocol.clear_cache()
    try:
        yield
    finally:
        BaseProtocol.HTTP_ADAPTER_CLS = before
        CachingProtocol.clear_cache()


def protocol(user: str = "ada@acme.example", password: str = PASSWORD, **configuration: Any) -> Any:
    """Return exchangelib's protocol for the front."""
    credentials = Credentials(user, password)
    return Protocol(config=Configuration(service_endpoint=URL, credentials=credentials, **configuration))
