"""Calls with a token of an impersonation role and no header ExchangeImpersonation, as the guide's code makes them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from exchangelib.errors import ErrorInvalidExchangeImpersonationHeaderData, ErrorInvalidOperation
from lxml import etree

from postroom.contracts.ews import changes, soap
from postroom.contracts.ews.names import PREFIXES
from postroom.ews.operations import OPERATIONS, WITHOUT_USER
from postroom.model.access_effect import AccessEffect
from postroom.model.access_rules import AccessRule
from postroom.model.audit_deliveries import LogType
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.free_busy import CalendarRead
from postroom.model.impersonation import RoleType
from postroom.model.records import Insert, Replace
from tests.support.impersonation import ALLOW_ALL, HTTPS_URL, add_role, add_token, documented
from tests.unit.ews.test_exchangelib import ADA, ask
from tests.unit.ews.test_front import EWS, availability, fault_of, probe
from tests.unit.ews.test_impersonated_calls import AS_ADA, BY_DEFAULT, DENIED, NOT_ADA, accesses, naming, post, records

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.ews_front import Front

INVALID = "ErrorInvalidExchangeImpersonationHeaderData"
AS_ROLE = {name: value for name, value in BY_DEFAULT.items() if name != "user_id"}
ZONES = soap.request(etree.fromstring("<m:GetServerTimeZones xmlns:m='{m}'/>".format(**PREFIXES)))


def about(*names: str) -> bytes:
    """Return a question about mailboxes of acme.example, or elsewhere."""
    addresses = [name if "@" in name or not name else f"{name}@acme.example" for name in names]
    box = "<t:MailboxData><t:Email><t:Address>{}</t:Address></t:Email></t:MailboxData>"
    return availability(mailboxes="".join(map(box.format, addresses)))


@pytest.fixture
def others(front: Front) -> None:
    front.user("bob", aliases=("b.marley@acme.example",))
    front.user("far", organization_id="m-2")
    front.user("team", kind=EntityKind.GROUP)
    front.user("room", kind=EntityKind.RESOURCE)
    front.user("off", state=EntityState.DISABLED)
    front.user("away", role=Role.REMOTE_USER)


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize(
    ("mailboxes", "user_id"),
    [
        (("ada",), "id-ada"),
        (("ADA@Acme.Example", "bob"), "id-ada"),
        (("bob", "ada"), "id-bob"),
        (("b.marley",), "id-bob"),
        (("x@partner.example", "far@other.example", "", "a" * 500, "team", "room", "off", "away", "ada"), "id-ada"),
    ],
    ids=["one", "first of two", "order", "alias", "no users before"],
)
def test_a_question_is_one_of_the_first_user_in_it(front: Front, mailboxes: tuple[str, ...], user_id: str) -> None:
    assert post(front, add_token(front, add_role(front)), about(*mailboxes)).status == 200
    (question,) = front.availability.questions
    assert (question.requester.user_id, question.requester.email) == (user_id, f"{user_id[3:]}@acme.example")
    assert [each["user_id"] for each in accesses(front)] == [user_id, user_id]


@pytest.mark.usefixtures("others")
def test_a_question_without_a_user_of_the_organization_is_refused(front: Front) -> None:
    token = add_token(front, add_role(front))
    asked = about("x@partner.example", "far@other.example", "team", "room", "off", "away", "nobody", "")
    assert fault_of(post(front, token, asked)) == INVALID
    assert front.availability.questions == []
    assert accesses(front) == [AS_ROLE]


def test_the_first_user_counts_though_the_role_may_impersonate_the_second(front: Front) -> None:
    front.user("bob")
    token = add_token(front, add_role(front, NOT_ADA, ALLOW_ALL))
    assert fault_of(post(front, token, about("ada", "bob"))) == DENIED
    assert front.availability.questions == []
    denied = {**AS_ADA, "scope": "ImpersonationAccessControl", "rule_id": "not-ada", "access_granted": False}
    assert accesses(front) == [BY_DEFAULT, denied]


def test_the_answer_and_its_records_are_those_of_the_same_question_with_the_header(front: Front) -> None:
    reads = (CalendarRead("id-ada", allowed=True), CalendarRead("id-bob", allowed=False))
    front.availability.results["ada@acme.example"] = replace(ADA, reads=reads)
    token = add_token(front, add_role(front, type=RoleType.READ_ONLY))
    answers, left = [], []
    for asked in (naming("ada@acme.example"), availability()):
        front.trail.records.clear()
        answers.append(post(front, token, asked).body)
        left.append([records(front, log_type) for log_type in LogType])
    assert answers[0] == answers[1]
    assert left[0] == left[1]
    assert [len(found) for found in left[0] if found] == [2, 1, 2]
    assert front.availability.questions[0] == front.availability.questions[1]


def test_the_header_counts_where_there_is_one(front: Front) -> None:
    front.user("bob")
    assert post(front, add_token(front, add_role(front)), naming("ada@acme.example", about("bob"))).status == 200
    assert [question.requester.user_id for question in front.availability.questions] == ["id-ada"]


@pytest.mark.parametrize("body", [availability(), probe(), ZONES], ids=["free/busy", "ids", "time zones"])
@pytest.mark.parametrize("namespace", ["t", "m", "s"])
def test_a_header_of_another_form_is_not_a_missing_one(front: Front, body: bytes, namespace: str) -> None:
    header = '<x:ExchangeImpersonation xmlns:x="{}"><t:SID>id-bob</t:SID></x:ExchangeImpersonation></s:Header>'
    asked = body.replace(b"</s:Header>", header.format(PREFIXES[namespace]).encode())
    assert fault_of(post(front, add_token(front, add_role(front)), asked)) == INVALID
    assert fault_of(front.post(EWS, asked)) == DENIED
    assert front.availability.questions == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (availability(mailboxes=""), "ErrorMailboxDataArrayEmpty"),
        (about(*["ada"] * 101), "ErrorMailboxDataArrayTooBig"),
        (availability(end="2020-01-01T00:00:00"), "ErrorInvalidTimeInterval"),
        (availability(start="x"), "ErrorSchemaValidation"),
    ],
)
def test_a_question_that_is_not_valid_looks_for_no_user(
    front: Front, monkeypatch: pytest.MonkeyPatch, body: bytes, code: str
) -> None:
    looked: list[str] = []
    monkeypatch.setattr(front.directory, "entity_at", lambda _, address: looked.append(address))
    assert fault_of(post(front, add_token(front, add_role(front)), body)) == code
    assert looked == []
    assert accesses(front) == [AS_ROLE]


@pytest.mark.parametrize("body", [probe(), ZONES], ids=["ids", "time zones"])
def test_what_reads_no_mailbox_needs_no_user(front: Front, body: bytes) -> None:
    token = add_token(front, add_role(front, NOT_ADA, type=RoleType.READ_ONLY))
    assert post(front, token, body).status == 200
    assert accesses(front) == [AS_ROLE]
    assert records(front, LogType.MAILBOX_ACCESS) == []
    organization = front.directory.organization("m-1")
    assert organization is not None
    rule = AccessRule(organization_id="m-1", name="no-roles", effect=AccessEffect.DENY, created=1, modified=1)
    rule = replace(rule, impersonation_role_ids=("role-1",))
    front.directory.commit([Replace(replace(organization, access_version=1)), Insert(rule)])
    assert post(front, token, body).status == 403
    assert accesses(front)[1:] == [{**AS_ROLE, "rule_id": "no-roles", "access_granted": False}]


@pytest.mark.parametrize("body", [probe(), ZONES], ids=["ids", "time zones"])
def test_operations_without_a_user_are_given_nothing_that_they_could_read(body: bytes) -> None:
    call = soap.read_call(body)
    assert call.operation in WITHOUT_USER
    assert not changes.changes(call.operation)
    assert OPERATIONS[call.operation](call, cast("Any", None), cast("Any", None)) is not None


OTHERS = sorted({*(OPERATIONS.keys() - WITHOUT_USER), "GetFolder", "CreateItem", "GetUserAvailability", "Unknown"})


@pytest.mark.parametrize("operation", [each for each in OTHERS if each != "GetUserAvailabilityRequest"])
@pytest.mark.parametrize("role_type", RoleType)
def test_everything_else_is_refused(front: Front, operation: str, role_type: RoleType) -> None:
    token = add_token(front, add_role(front, type=role_type))
    assert fault_of(post(front, token, probe(operation=operation))) == INVALID
    assert accesses(front) == [AS_ROLE]
    assert records(front, LogType.MAILBOX_ACCESS) == []


def requests_of(front: Front) -> list[tuple[str, bool]]:
    """Return the operation of each request, and whether it names a user; forget the requests."""
    found = [soap.read_call(each.body) for each in front.sent]
    front.sent.clear()
    return [(each.operation, each.header.find("{*}ExchangeImpersonation") is not None) for each in found]


def test_the_guides_code_for_exchangelib_asks_for_free_busy_information(
    connection: Front, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connection.availability.results["ada@acme.example"] = ADA
    role = add_role(connection)

    class WorkMail:
        def assume_impersonation_role(self, **asked: str) -> Mapping[str, str]:
            assert asked == {"OrganizationId": "m-1", "ImpersonationRoleId": role.id}
            return {"Token": add_token(connection, role)}

    monkeypatch.setattr(boto3, "client", lambda _: WorkMail())
    with documented(HTTPS_URL, "m-1", role.id, "ada@acme.example") as names:
        assert capsys.readouterr().out.startswith("FreeBusyView(")
        assert requests_of(connection) == [
            ("GetServerTimeZones", False),
            ("GetUserAvailabilityRequest", False),
            ("ResolveNames", True),
        ]
        account = names["ews_account"]
        (view,) = ask(account.protocol, "ada@acme.example")
        assert view.merged == "00222000"
        assert {each.requester.user_id for each in connection.availability.questions} == {"id-ada"}
        with pytest.raises(ErrorInvalidOperation):  # folders are not served yet
            _ = account.root
        with pytest.raises(ErrorInvalidExchangeImpersonationHeaderData):
            account.protocol.resolve_names(["ada"])
        assert requests_of(connection)[-2:] == [("GetFolder", True), ("ResolveNames", False)]
