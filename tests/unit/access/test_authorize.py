"""The authorizer's answers, and the record and the observation that each attempt leaves before its answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from postroom.access.authorize import Answered, Authorize
from postroom.access.impersonation import TokenRefusal
from postroom.adapters.memory.audit_trail import MemoryAuditTrail
from postroom.adapters.memory.metrics import MemoryMetrics
from postroom.contracts import authorizer
from postroom.contracts.audit_log import FIELDS
from postroom.effects.counted_trail import CountedTrail
from postroom.errors import StoreUnavailableError
from postroom.model.audit_deliveries import LogType
from postroom.model.callers import Caller
from postroom.model.identity import AuthenticationMode
from postroom.model.impersonation import RANDOM_BYTES, ImpersonationRole, RoleType, new_token
from postroom.model.logins import FailedReason
from postroom.model.records import Insert, Remove
from tests.support.logins import ADA, HOME, NOW_MS, PASSWORD, TOKEN_ID, Logins, basic

if TYPE_CHECKING:
    from postroom.contracts.audit_log import AuditRecord

AGENT = "exchangelib/5.6.0"


class Authorizer:
    """The authorizer of an organization."""

    def __init__(self) -> None:
        self.logins, self.trail, self.metrics = Logins(), MemoryAuditTrail(), MemoryMetrics()
        self.authorize = Authorize(self.logins.directory, self.logins.passwords, CountedTrail(self.trail, self.metrics))

    def answer(self, header: str | None, path: str = "/EWS/Exchange.asmx") -> Answered:
        return self.authorize.answer(event(header, path), self.logins.now_ms)

    @property
    def record(self) -> AuditRecord:
        (found,) = self.trail.records
        return found

    def fields(self) -> dict[str, Any]:
        return dict(self.record.fields)

    def counted(self) -> tuple[int, int]:
        """Return the sum and the number of observations."""
        key = ("m-1", "AuthenticationFailure")
        return self.metrics.sums[key], self.metrics.observations[key]


def event(header: str | None, path: str = "/EWS/Exchange.asmx") -> dict[str, Any]:
    return {
        "type": "REQUEST",
        "methodArn": f"arn:aws:execute-api:us-east-1:123456789012:api/v1/POST{path}",
        "path": path,
        "headers": {"User-Agent": AGENT} | ({"Authorization": header} if header is not None else {}),
        "requestContext": {"requestId": "r-1", "identity": {"sourceIp": HOME}},
    }


@pytest.fixture
def under_test() -> Authorizer:
    return Authorizer()


def effect(answered: Answered) -> str:
    (statement,) = answered.response["policyDocument"]["Statement"]
    return str(statement["Effect"])


def passed_on(answered: Answered) -> Caller | None:
    """Return what the function behind the authorizer reads from its event."""
    return authorizer.caller_of({"requestContext": {"authorizer": answered.response.get("context")}})


def test_a_right_password_has_its_record(under_test: Authorizer) -> None:
    answered = under_test.answer(basic("Ada@acme.example", PASSWORD))
    assert (effect(answered), passed_on(answered), answered.reason) == ("Allow", ADA, "")
    assert answered.response["principalId"] == "ada"
    assert under_test.fields() == {
        "event_timestamp": NOW_MS,
        "request_id": "r-1",
        "organization_arn": under_test.logins.organization.arn,
        "user_id": "ada",
        "user": "Ada@acme.example",
        "protocol": "EWS",
        "source_ip": HOME,
        "user_agent": AGENT,
        "method": "basic",
        "auth_successful": True,
    }
    assert under_test.counted() == (0, 1)


def test_a_wrong_password_has_its_record_with_the_reason(under_test: Authorizer) -> None:
    answered = under_test.answer(basic("ada@acme.example", "secret-guess"), "/autodiscover/autodiscover.xml")
    assert (effect(answered), passed_on(answered), answered.organization_id) == ("Deny", None, "m-1")
    fields = under_test.fields()
    assert (fields["auth_successful"], fields["auth_failed_reason"]) == (False, "WRONG_PASSWORD")
    assert (fields["protocol"], fields["user_id"]) == ("AutoDiscover", "ada")
    assert under_test.counted() == (1, 1)
    for said in (str(fields), str(answered), str(under_test.logins.failures()), repr(authorizer.read(event("secret")))):
        assert "secret" not in said


def test_an_unknown_user_has_no_id(under_test: Authorizer) -> None:
    under_test.answer(basic("nobody@acme.example", PASSWORD))
    fields = under_test.fields()
    assert (fields["user"], fields["auth_failed_reason"]) == ("nobody@acme.example", "UNKNOWN_USER")
    assert "user_id" not in fields


@pytest.mark.parametrize("header", [None, "", "Negotiate x", basic("ada@other.example", PASSWORD), "Bearer x"])
def test_an_attempt_that_names_no_organization_has_no_record(under_test: Authorizer, header: str | None) -> None:
    assert effect(under_test.answer(header)) == "Deny"
    assert (under_test.trail.records, under_test.metrics.observations) == ([], {})


def test_a_token_is_named_and_passed_on_with_its_scopes(under_test: Authorizer) -> None:
    under_test.logins.configure(AuthenticationMode.ONLY)
    text = under_test.logins.token(scopes=("EWS", "IMAP"))
    caller = passed_on(under_test.answer(basic("ada@acme.example", text)))
    assert caller == Caller(
        "m-1", "ada", "Ada@acme.example", "ada", personal_access_token_id=TOKEN_ID, scopes=("EWS", "IMAP")
    )
    fields = under_test.fields()
    assert (fields["personal_access_token_id"], fields["auth_successful"]) == (TOKEN_ID, True)
    assert text not in str(fields)


def test_the_keys_are_the_guides_in_their_order(under_test: Authorizer) -> None:
    under_test.logins.configure(AuthenticationMode.ONLY)
    under_test.answer(basic("ada@acme.example", under_test.logins.token(scopes=("IMAP",))))
    assert tuple(under_test.fields()) == FIELDS[LogType.AUTHENTICATION]


def test_an_impersonation_token_is_its_roles_until_the_role_is_deleted(under_test: Authorizer) -> None:
    role = ImpersonationRole(
        organization_id="m-1", id="role-1", name="sync", type=RoleType.FULL_ACCESS, created=1, modified=1
    )
    text, row = new_token("m-1", role.id, b"r" * RANDOM_BYTES, now_s=NOW_MS // 1000, seconds=900)
    under_test.logins.directory.commit([Insert(role), Insert(row)])
    answered = under_test.answer(f"Bearer {text}")
    assert passed_on(answered) == Caller("m-1", "", "", "", impersonation_role_id="role-1")
    assert answered.response["principalId"] == "role-1"
    fields = under_test.fields()
    assert (fields["method"], fields["user"], fields["user_id"]) == ("bearer", "sync", "role-1")
    assert fields["auth_successful"] is True
    under_test.trail.records.clear()
    under_test.logins.directory.commit([Remove(role)])
    assert effect(under_test.answer(f"Bearer {text}")) == "Deny"
    assert (under_test.fields()["user_id"], under_test.fields()["auth_failed_reason"]) == ("role-1", "ROLE_DELETED")
    assert "user" not in under_test.fields()
    assert text not in str(under_test.trail.records)


@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_without_its_record_no_attempt_is_answered(under_test: Authorizer, password: str) -> None:
    under_test.trail.away = True
    with pytest.raises(StoreUnavailableError):
        under_test.answer(basic("ada@acme.example", password))
    assert under_test.metrics.observations == {}


def test_a_record_that_is_sent_again_has_the_same_id(under_test: Authorizer) -> None:
    for _ in range(2):
        under_test.answer(basic("ada@acme.example", PASSWORD))
        under_test.logins.now_ms += 5
    first, second = under_test.trail.records
    assert first.id == second.id


def test_attempts_with_the_same_request_id_have_records_of_their_own(under_test: Authorizer) -> None:
    """A client chooses it by X-Amzn-RequestId, and records with the same id are written once."""
    for unique_id in ("JZ-1=", "JZ-2="):
        asked = event(basic("ada@acme.example", "wrong"))
        asked["requestContext"]["extendedRequestId"] = unique_id
        under_test.authorize.answer(asked, NOW_MS)
    first, second = under_test.trail.records
    assert first.fields == second.fields
    assert first.id != second.id


def test_reasons_are_words_without_values() -> None:
    assert all(re.fullmatch("[A-Z_]{3,40}", reason.value) for reason in (*FailedReason, *TokenRefusal))
