"""What the front lets authenticated callers do, and the records of it: access rules, impersonation, calendars."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from exchangelib.errors import TransportError
from exchangelib.version import EXCHANGE_2010_SP2, Version

from postroom.adapters.memory.audit_trail import MemoryAuditTrail
from postroom.contracts.ews import soap
from postroom.contracts.ews.names import m
from postroom.errors import StoreUnavailableError
from postroom.ews import front as station
from postroom.model.access_effect import AccessEffect
from postroom.model.access_rules import AccessRule
from postroom.model.free_busy import CalendarRead, FailureCode, MailboxAvailability, MailboxFailure
from postroom.model.impersonation import RANDOM_BYTES, ImpersonationRole, ImpersonationRule, RoleType, new_token
from postroom.model.records import Put, Replace
from postroom.ports.metrics import ACCESS_DENIED, ACTION_DENIED
from tests.support.ews_front import protocol
from tests.unit.ews.test_front import EWS, POX, SVC, availability, fault_of, headers_of, probe

if TYPE_CHECKING:
    from local.web import Response
    from postroom.model.owned import Owned
    from tests.support.ews_front import Front

ALLOW, DENY = AccessEffect.ALLOW, AccessEffect.DENY
IMPERSONATION = (
    "<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>{}"
    "</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation></s:Header>"
)


def put(front: Front, *records: Owned) -> None:
    """Write rules and roles with the organization's next version of its rules, as the admin API does."""
    found = front.directory.organization("m-1")
    assert found is not None
    front.directory.commit([Replace(replace(found, access_version=found.access_version + 1)), *map(Put, records)])


def rule(name: str, effect: AccessEffect = ALLOW, **conditions: Any) -> AccessRule:
    return AccessRule(organization_id="m-1", name=name, effect=effect, created=1, modified=1, **conditions)


def bearer(front: Front, kind: RoleType = RoleType.FULL_ACCESS, *users: str) -> dict[str, str]:
    """Make a role that may impersonate users, all if none is given; return the header with its token."""
    rules = (ImpersonationRule("rule-1", ALLOW, targets=users),)
    role = ImpersonationRole(organization_id="m-1", id="role", name="r", type=kind, created=1, modified=1, rules=rules)
    token, row = new_token("m-1", "role", b"r" * RANDOM_BYTES, now_s=front.now_ms // 1000, seconds=900)
    put(front, role, rule("default"))
    front.directory.commit([Put(row)])
    return {"Authorization": f"Bearer {token}"}


def named(body: bytes, address: str = "ada@acme.example") -> bytes:
    return body.replace(b"</s:Header>", IMPERSONATION.format(address).encode())


def asked_as(front: Front, fields: dict[str, str], body: bytes) -> Response:
    return front.post(EWS, body, user="", fields=fields)


def said(front: Front) -> list[tuple[str, dict[str, Any]]]:
    """Return the records since the last call: type, and the keys beside those that all records have."""
    common = {"event_timestamp", "request_id", "organization_arn", "source_ip", "user_agent"}
    found = [
        (record.type, {key: value for key, value in record.fields.items() if key not in common})
        for record in front.trail.records
    ]
    front.trail.records.clear()
    return [each for each in found if each[0] != "AUTHENTICATION_LOGS"]


def evaluated(*, granted: bool, protocol: str = "EWS", **more: str) -> tuple[str, dict[str, Any]]:
    fields = {"user_id": "id-ada", "protocol": protocol, "scope": "AccessControl"} | more
    return "ACCESS_CONTROL_LOGS", fields | {"access_granted": granted}


def test_a_request_leaves_its_records_with_the_same_request_id(front: Front) -> None:
    fields = {"User-Agent": "Mail/1.0"}
    front.post(EWS, probe(), fields=fields)
    first, second = front.trail.records
    assert (first.type, second.type) == ("AUTHENTICATION_LOGS", "ACCESS_CONTROL_LOGS")
    assert first.fields["request_id"] == second.fields["request_id"]
    assert next(iter(second.fields.items())) == ("event_timestamp", front.now_ms)
    assert second.fields["source_ip"] == "192.0.2.1"
    assert said(front) == [evaluated(granted=True, rule_id="default")]


def test_requests_that_choose_the_same_request_id_have_records_of_their_own(front: Front) -> None:
    for _ in range(2):
        front.post(EWS, probe(), fields={"X-Amzn-RequestId": "mine"})
    assert {record.fields["request_id"] for record in front.trail.records} == {"mine"}
    assert len({record.id for record in front.trail.records}) == 4


@pytest.mark.parametrize(("path", "protocol_"), [(EWS, "EWS"), (POX, "AutoDiscover"), (SVC, "AutoDiscover")])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_denied_request_is_403_and_nothing_of_it_is_carried_out(
    front: Front, path: str, protocol_: str, method: str
) -> None:
    put(front, rule("default"), rule("away", DENY, ip_ranges=("192.0.2.0/24",)))
    response = front.send(method, path, availability(), "ada@acme.example")
    assert (response.status, headers_of(response)["content-type"]) == (403, "text/plain; charset=utf-8")
    assert response.body == b"Access is denied: an access control rule denies it."
    assert front.availability.questions == []
    assert said(front) == [evaluated(granted=False, protocol=protocol_, rule_id="away")]
    assert (front.metrics.sums["m-1", ACCESS_DENIED], front.metrics.observations["m-1", ACCESS_DENIED]) == (1, 1)


def test_rules_are_about_one_protocol_and_count_at_once(front: Front) -> None:
    assert front.post(EWS, probe()).status == 200
    put(front, rule("one", actions=("AutoDiscover",)))
    assert front.post(EWS, probe()).status == 403
    assert front.post(POX, b"<x/>").status == 200
    put(front, rule("two", user_ids=("id-ada",)))
    assert front.post(EWS, probe()).status == 200
    outcomes = [fields["access_granted"] for _, fields in said(front)]
    assert outcomes == [True, False, True, True]


def test_a_wrong_password_is_401_and_evaluates_no_rules(front: Front) -> None:
    put(front, rule("no", DENY))
    assert front.post(EWS, probe(), password="wrong").status == 401
    assert said(front) == []


def test_a_path_that_is_not_served_evaluates_no_rules(front: Front) -> None:
    put(front, rule("no", DENY))
    assert front.post("/ews/x", probe()).status == 404
    assert said(front) == []


def test_each_calendar_that_was_read_or_closed_leaves_a_record(front: Front) -> None:
    """Reads of bob's calendar are recorded once, though bob was asked for alone and in a group."""
    bob, eve = CalendarRead("id-bob", allowed=True), CalendarRead("id-eve", allowed=False)
    boxes = ("team@acme.example", "bob@acme.example", "eve@acme.example", "x@partner.example")
    front.availability.results = {
        boxes[0]: MailboxAvailability(boxes[0], (), reads=(bob, CalendarRead("id-cy", allowed=True))),
        boxes[1]: MailboxAvailability(boxes[1], (), reads=(bob,)),
        boxes[2]: MailboxFailure(boxes[2], FailureCode.FREE_BUSY_GENERATION_FAILED, "no access", (eve,)),
    }
    box = "<t:MailboxData><t:Email><t:Address>{}</t:Address></t:Email></t:MailboxData>"
    assert front.post(EWS, availability(mailboxes="".join(map(box.format, boxes)))).status == 200
    access, *reads = said(front)
    assert access == evaluated(granted=True, rule_id="default")
    common = {
        "user_id": "id-ada",
        "protocol": "EWS",
        "action": "read_summary",
        "object_type": "Folder",
        "folder_path": "/CALENDAR",
        "folder_id": "CALENDAR",
    }
    assert reads == [
        ("WORKMAIL_MAILBOX_ACCESS_LOGS", common | {"owner_id": owner, "action_allowed": allowed})
        for owner, allowed in (("id-bob", True), ("id-cy", True), ("id-eve", False))
    ]
    assert (front.metrics.sums["m-1", ACTION_DENIED], front.metrics.observations["m-1", ACTION_DENIED]) == (1, 3)
    assert (front.metrics.sums["m-1", ACCESS_DENIED], front.metrics.observations["m-1", ACCESS_DENIED]) == (0, 1)


def test_nothing_is_answered_without_its_records(front: Front) -> None:
    front.authorize = replace(front.authorize, trail=MemoryAuditTrail())  # its own record is kept
    front.trail.away = True
    for path, status in ((EWS, 500), (SVC, 500), (POX, 503)):
        response = front.post(path, availability())
        assert response.status == status
        assert b"ErrorInternalServerTransientError" in response.body or status == 503


def test_where_the_directory_does_not_answer_nothing_was_evaluated(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: str) -> None:
        raise StoreUnavailableError("no answer")

    monkeypatch.setattr(front.directory, "organization", away)
    assert fault_of(front.post(EWS, probe())) == "ErrorInternalServerTransientError"
    assert front.post(POX, b"<x/>").status == 503
    assert said(front) == []


def test_a_role_is_answered_as_the_user_that_it_impersonates(front: Front) -> None:
    fields = bearer(front, RoleType.READ_ONLY, "id-ada")
    assert asked_as(front, fields, named(availability())).status == 200
    (question,) = front.availability.questions
    assert (question.requester.user_id, question.requester.email) == ("id-ada", "ada@acme.example")
    role = {"impersonator_id": "role"}
    assert said(front) == [
        evaluated(granted=True, rule_id="default", **role),
        evaluated(granted=True, rule_id="rule-1", **role | {"scope": "ImpersonationAccessControl"}),
    ]


def test_a_role_without_the_right_to_impersonate(front: Front) -> None:
    fields = bearer(front, RoleType.FULL_ACCESS, "id-eve")
    assert fault_of(asked_as(front, fields, named(availability()))) == "ErrorImpersonateUserDenied"
    access, impersonation = said(front)
    assert access[1]["access_granted"] is True
    assert impersonation[1] | {"user_id": "id-ada", "access_granted": False} == impersonation[1]
    assert front.availability.questions == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (probe(operation="ResolveNames"), "ErrorInvalidExchangeImpersonationHeaderData"),
        (named(availability(), "no@acme.example"), "ErrorNonExistentMailbox"),
        (named(availability(), "mal@other.example"), "ErrorNonExistentMailbox"),
        (b"<x/>", "ErrorSchemaValidation"),
    ],
)
def test_a_role_that_names_no_user_was_admitted_as_a_role(front: Front, body: bytes, code: str) -> None:
    front.user("mal", organization_id="m-2")
    assert fault_of(asked_as(front, bearer(front), body)) == code
    ((_, fields),) = said(front)
    assert (fields["impersonator_id"], fields["access_granted"], fields.get("user_id")) == ("role", True, None)
    assert front.availability.questions == []


def test_rules_about_roles_and_the_protocols_of_roles(front: Front) -> None:
    fields = bearer(front)
    assert front.post(SVC, b"<x/>", user="", fields=fields).status == 403
    put(front, rule("no-roles", DENY, impersonation_role_ids=("role",)))
    response = asked_as(front, fields, named(availability()))
    assert response.status == 403
    assert [record["access_granted"] for _, record in said(front)] == [False, False]


@pytest.mark.parametrize(
    ("kind", "code", "denied"),
    [(RoleType.READ_ONLY, "ErrorAccessDenied", 1), (RoleType.FULL_ACCESS, "ErrorInvalidOperation", 0)],
)
def test_a_read_only_role_is_refused_each_change(front: Front, kind: RoleType, code: str, denied: int) -> None:
    fields = bearer(front, kind)
    body = named(soap.request(soap.new(m("UpdateItem"))))
    assert fault_of(asked_as(front, fields, body)) == code
    changes = [record for of, record in said(front) if of == "WORKMAIL_MAILBOX_ACCESS_LOGS"]
    assert [(each["action"], each["action_allowed"], each["owner_id"]) for each in changes] == [
        ("update", False, "id-ada")
    ] * denied


def test_a_user_cannot_impersonate_and_is_admitted_first(front: Front) -> None:
    assert fault_of(front.post(EWS, named(probe(), "eve@acme.example"))) == "ErrorImpersonateUserDenied"
    assert said(front) == [evaluated(granted=True, rule_id="default")]
    put(front, rule("no", DENY))
    assert front.post(EWS, named(probe(), "eve@acme.example")).status == 403


def test_exchangelib_says_that_access_is_denied(connection: Front) -> None:
    put(connection, rule("no", DENY, actions=("EWS",)))
    server = protocol(version=Version(EXCHANGE_2010_SP2))
    with pytest.raises(TransportError, match="403"):
        list(server.resolve_names(["ada"]))
    assert {fields["access_granted"] for _, fields in said(connection)} == {False}


class StoppedError(BaseException):
    """The process ends."""


PORTS = (("directory", "organization"), ("directory", "owned"), ("availability", "ask"), ("trail", "record"))


@pytest.mark.parametrize("port", PORTS, ids="-".join)
@pytest.mark.parametrize("error", [StoppedError, StoreUnavailableError])
@pytest.mark.parametrize("when", ["before", "after"])
def test_no_answer_without_its_records_wherever_a_call_fails_or_the_function_stops(
    front: Front, monkeypatch: pytest.MonkeyPatch, port: tuple[str, str], error: type[BaseException], when: str
) -> None:
    """Each port's call fails or never returns, before or after it was carried out; a retry is then answered."""
    reads = (CalendarRead("id-ada", allowed=True), CalendarRead("id-eve", allowed=False))
    front.availability.results["ada@acme.example"] = MailboxAvailability("ada@acme.example", (), reads=reads)
    event = {
        "httpMethod": "POST",
        "pathParameters": {"service": "ews", "file": "exchange.asmx"},
        "body": availability().decode(),
        "requestContext": {"authorizer": {"organizationId": "m-1", "userId": "id-ada", "email": "ada@acme.example"}},
    }
    owner, name = getattr(front, port[0]), port[1]
    carry_out = getattr(owner, name)

    def failing(*arguments: Any, **more: Any) -> Any:
        if when == "after":
            carry_out(*arguments, **more)
        raise error("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(type(owner), name, lambda _, *arguments, **more: failing(*arguments, **more))
        try:
            answered = station.answer(event, front.context, now_ms=1)
        except StoppedError:
            answered = None
    assert answered is None or answered.code == "ErrorInternalServerTransientError"
    kept = len(front.trail.records)
    assert kept == 3 or answered is None or answered.response["statusCode"] == 500
    assert station.answer(event, front.context, now_ms=2).response["statusCode"] == 200
    assert len(front.trail.records) == kept + 3
