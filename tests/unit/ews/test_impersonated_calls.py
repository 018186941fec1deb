"""Calls with a token of an impersonation role: as which user they are made, what is refused, and their records."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from exchangelib.errors import ErrorImpersonateUserDenied, ErrorNonExistentMailbox, UnauthorizedError

from postroom.contracts.ews import soap
from postroom.contracts.ews.names import m
from postroom.ews.operations import OPERATIONS
from postroom.model.access_effect import AccessEffect
from postroom.model.access_rules import AccessRule
from postroom.model.audit_deliveries import LogType
from postroom.model.free_busy import CalendarRead
from postroom.model.impersonation import CLOCK_SKEW_SECONDS, TOKEN_SECONDS, ImpersonationRule, RoleType
from postroom.model.records import Insert, Replace
from tests.support.impersonation import ALLOW_ALL, add_role, add_token, impersonating, remove_role
from tests.unit.ews.test_exchangelib import ADA, ask
from tests.unit.ews.test_front import EWS, POX, SVC, availability, fault_of, probe

if TYPE_CHECKING:
    from local.web import Response
    from tests.support.ews_front import Front

DENIED = "ErrorImpersonateUserDenied"
ONLY_BOB = ImpersonationRule("only-bob", AccessEffect.ALLOW, name="Bob", targets=("id-bob",))
NOT_ADA = ImpersonationRule("not-ada", AccessEffect.DENY, targets=("id-ada",))


def naming(address: str, body: bytes | None = None) -> bytes:
    """Return a request with the header ExchangeImpersonation; a question about ada's time unless another is given."""
    header = (
        f"<t:ExchangeImpersonation><t:ConnectingSID><t:SmtpAddress>{address}</t:SmtpAddress></t:ConnectingSID>"
        "</t:ExchangeImpersonation></s:Header>"
    )
    body = availability() if body is None else body
    assert b"</s:Header>" in body
    return body.replace(b"</s:Header>", header.encode())


def post(front: Front, token: str, body: bytes, path: str = EWS) -> Response:
    return front.post(path, body, user="", fields={"Authorization": f"Bearer {token}"})


def records(front: Front, log_type: LogType) -> list[dict[str, Any]]:
    """Return the records of a kind, without what all requests have alike."""
    common = {"event_timestamp", "request_id", "organization_arn", "source_ip", "user_agent"}
    found = [record for record in front.trail.records if record.type is log_type]
    assert all(record.organization_id == "m-1" for record in found)
    return [{name: value for name, value in each.fields.items() if name not in common} for each in found]


def accesses(front: Front) -> list[dict[str, Any]]:
    return records(front, LogType.ACCESS_CONTROL)


AS_ADA = {"user_id": "id-ada", "impersonator_id": "role-1", "protocol": "EWS"}
BY_DEFAULT = {**AS_ADA, "scope": "AccessControl", "rule_id": "default", "access_granted": True}


def test_a_call_is_made_as_the_user_and_its_records_name_both(front: Front) -> None:
    read = CalendarRead("id-ada", allowed=True)
    front.availability.results["ada@acme.example"] = replace(ADA, reads=(read,))
    token = add_token(front, add_role(front))
    assert post(front, token, naming("ADA@acme.example")).status == 200
    (question,) = front.availability.questions
    requester = question.requester
    assert (requester.email, requester.user_name, requester.user_id) == ("ada@acme.example", "ada", "id-ada")
    assert accesses(front) == [
        BY_DEFAULT,
        {**AS_ADA, "scope": "ImpersonationAccessControl", "rule_id": "all", "access_granted": True},
    ]
    (authenticated,) = records(front, LogType.AUTHENTICATION)
    assert authenticated == {
        "user_id": "role-1",
        "user": "Sync",
        "protocol": "EWS",
        "method": "bearer",
        "auth_successful": True,
    }
    (access,) = records(front, LogType.MAILBOX_ACCESS)
    named = {name: access[name] for name in ("action", "owner_id", "folder_path", "action_allowed")}
    assert named == {"action": "read_summary", "owner_id": "id-ada", "folder_path": "/CALENDAR", "action_allowed": True}
    assert {name: access[name] for name in AS_ADA} == AS_ADA


@pytest.mark.parametrize(
    ("rules", "record"),
    [
        ([ONLY_BOB], {"access_granted": False}),
        ([ALLOW_ALL, NOT_ADA], {"rule_id": "not-ada", "access_granted": False}),
    ],
    ids=["no rule", "a rule"],
)
def test_a_user_that_the_role_may_not_impersonate(
    front: Front, rules: list[ImpersonationRule], record: dict[str, Any]
) -> None:
    token = add_token(front, add_role(front, *rules))
    assert fault_of(post(front, token, naming("ada@acme.example"))) == DENIED
    assert front.availability.questions == []
    assert accesses(front) == [BY_DEFAULT, {**AS_ADA, "scope": "ImpersonationAccessControl", **record}]
    front.user("bob")
    assert post(front, token, naming("bob@acme.example")).status == 200


def test_a_user_of_another_organization_is_unknown(front: Front) -> None:
    front.user("far", organization_id="m-2")
    token = add_token(front, add_role(front))
    for address in ("far@other.example", "nobody@acme.example"):
        assert fault_of(post(front, token, naming(address))) == "ErrorNonExistentMailbox"
    other = add_token(front, add_role(front, organization_id="m-2"))
    assert fault_of(post(front, other, naming("ada@acme.example"))) == "ErrorNonExistentMailbox"
    assert front.availability.questions == []


def test_a_password_does_not_impersonate(front: Front) -> None:
    add_role(front)
    assert fault_of(front.post(EWS, naming("ada@acme.example"))) == DENIED
    assert front.availability.questions == []


def test_a_token_ends_after_15_minutes_and_with_its_role(front: Front) -> None:
    role = add_role(front)
    token = add_token(front, role)
    old = add_token(front, role, age_s=TOKEN_SECONDS + CLOCK_SKEW_SECONDS)
    future = add_token(front, role, age_s=-CLOCK_SKEW_SECONDS - 1)
    asked = naming("ada@acme.example")
    assert [post(front, each, asked).status for each in (token, old, future)] == [200, 401, 401]
    remove_role(front, role)
    assert post(front, token, asked).status == 401
    found = records(front, LogType.AUTHENTICATION)
    reasons = [each.get("auth_failed_reason") for each in found]
    assert reasons == [None, "TOKEN_EXPIRED", "TOKEN_EXPIRED", "ROLE_DELETED"]
    assert {each["user_id"] for each in found} == {"role-1"}
    assert [each.get("user") for each in found] == ["Sync"] * 3 + [None]
    assert len(front.availability.questions) == 1


@pytest.mark.parametrize("token", ["", "x", "\x7f", "a" * 300])
def test_what_is_no_token_leaves_no_record(front: Front, token: str) -> None:
    assert post(front, token, naming("ada@acme.example")).status == 401
    assert front.trail.records == []


def test_a_role_that_is_deleted_after_its_token_was_checked_does_nothing(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = add_role(front)
    token = add_token(front, role)
    authorize = front.authorize.answer

    def last_moment(*event: Any) -> Any:
        found = authorize(*event)
        remove_role(front, role)
        return found

    monkeypatch.setattr(type(front.authorize), "answer", lambda _, *event: last_moment(*event))
    assert fault_of(post(front, token, naming("ada@acme.example"))) == DENIED
    assert accesses(front)[-1] == {**AS_ADA, "scope": "ImpersonationAccessControl", "access_granted": False}


def test_access_rules_about_roles_apply(front: Front) -> None:
    token = add_token(front, add_role(front))
    rule = AccessRule(
        organization_id="m-1",
        name="no-roles",
        effect=AccessEffect.DENY,
        impersonation_role_ids=("role-1",),
        created=1,
        modified=1,
    )
    organization = front.directory.organization("m-1")
    assert organization is not None
    front.directory.commit([Replace(replace(organization, access_version=1)), Insert(rule)])
    response = post(front, token, naming("ada@acme.example"))
    assert response.status == 403
    assert accesses(front) == [{**AS_ADA, "scope": "AccessControl", "rule_id": "no-roles", "access_granted": False}]


@pytest.mark.parametrize("path", [POX, SVC])
def test_autodiscover_takes_no_token(front: Front, path: str) -> None:
    token = add_token(front, add_role(front))
    response = post(front, token, naming("ada@acme.example"), path)
    assert response.status == 403
    (record,) = accesses(front)
    assert (record["protocol"], record["impersonator_id"], record["access_granted"]) == (
        "AutoDiscover",
        "role-1",
        False,
    )


class TestReadOnly:
    @pytest.fixture
    def created(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The users as which something was created: an operation that changes mailboxes is served."""
        done: list[str] = []

        def create(_call: Any, asking: Any, _context: Any) -> Any:
            done.append(asking.caller.user_id)
            return soap.new(m("CreateItemResponse"))

        monkeypatch.setitem(cast("dict[str, Any]", OPERATIONS), "CreateItem", create)
        return done

    def test_a_role_with_full_access_changes_something(self, front: Front, created: list[str]) -> None:
        token = add_token(front, add_role(front))
        assert post(front, token, naming("ada@acme.example", probe(operation="CreateItem"))).status == 200
        assert created == ["id-ada"]

    @pytest.mark.parametrize("operation", ["CreateItem", "DeleteItem", "Unknown"])
    def test_a_role_that_only_reads_does_not(self, front: Front, created: list[str], operation: str) -> None:
        token = add_token(front, add_role(front, type=RoleType.READ_ONLY))
        changing = naming("ada@acme.example", probe(operation=operation))
        assert fault_of(post(front, token, changing)) == "ErrorAccessDenied"
        assert created == []
        actions = [(each["action"], each["action_allowed"]) for each in records(front, LogType.MAILBOX_ACCESS)]
        assert actions == {"CreateItem": [("create", False)], "DeleteItem": [("delete", False)]}.get(
            operation, [("update", False)]
        )
        assert post(front, token, naming("ada@acme.example")).status == 200


class TestExchangelib:
    @pytest.mark.parametrize(
        "identity",
        [
            {"primary_smtp_address": "ada@acme.example"},
            {"smtp_address": "ada@acme.example"},
            {"upn": "ada@acme.example"},
            {"sid": "id-ada"},
            {"sid": "id-ada", "upn": "ada", "primary_smtp_address": "ada@acme.example"},
        ],
    )
    def test_a_token_as_credentials_with_an_identity(self, connection: Front, identity: dict[str, str]) -> None:
        connection.availability.results["ada@acme.example"] = ADA
        server = impersonating(add_token(connection, add_role(connection)), **identity)
        (view,) = ask(server, "ada@acme.example")
        assert view.merged == "00222000"
        assert {question.requester.user_id for question in connection.availability.questions} == {"id-ada"}
        found = server.resolve_names(["ada"])
        assert [each.email_address for each in found] == ["ada@acme.example"]

    def test_each_refusal_is_an_error_of_its_own(self, connection: Front) -> None:
        role = add_role(connection, ONLY_BOB)
        token = add_token(connection, role)
        ada, nobody = {"upn": "ada@acme.example"}, {"smtp_address": "nobody@acme.example"}
        with pytest.raises(ErrorImpersonateUserDenied):
            ask(impersonating(token, **ada), "ada@acme.example")
        with pytest.raises(ErrorNonExistentMailbox):
            ask(impersonating(token, **nobody), "ada@acme.example")
        remove_role(connection, role)
        with pytest.raises(UnauthorizedError):
            ask(impersonating(token, upn="bob@acme.example"), "ada@acme.example")
        assert connection.availability.questions == []
