"""exchangelib, unmodified, logs in: each outcome, and the records that it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from exchangelib import EWSDateTime, EWSTimeZone
from exchangelib.errors import UnauthorizedError
from exchangelib.version import EXCHANGE_2010_SP2, Version

from postroom.access import tokens
from postroom.model.free_busy import MailboxAvailability
from postroom.model.identity import AuthenticationMode, IdentityProvider, PersonalAccessToken, TokenStatus
from postroom.model.records import Put, Remove
from tests.support.ews_front import PASSWORD, protocol

if TYPE_CHECKING:
    from tests.support.ews_front import Front

ADDRESS = "ada@acme.example"
TOKEN_ID = "11111111-2222-3333-4444-555555555555"
IDENTITY = {"IdentityProviderUserId": "99999999-8888-7777-6666-555555555555"}


@pytest.fixture
def token(connection: Front) -> str:
    """The token of eve, who has no other way in."""
    connection.user("eve", attributes={"DisplayName": "Eve", **IDENTITY})
    connection.availability.results[ADDRESS] = MailboxAvailability(ADDRESS, ())
    text = tokens.text_of(TOKEN_ID, b"s" * tokens.SECRET_BYTES)
    own: dict[str, Any] = {"organization_id": "m-1", "id": TOKEN_ID, "user_id": "id-eve", "name": "phone"}
    made = PersonalAccessToken(**own, digest=tokens.digest_of(text), created=connection.now_ms)
    provider = IdentityProvider(
        organization_id="m-1",
        mode=AuthenticationMode.ONLY,
        instance_arn="i",
        application_arn="a",
        token_status=TokenStatus.ACTIVE,
    )
    connection.directory.commit([Put(made), Put(provider)])
    return text


def ask(password: str) -> list[Any]:
    zone = EWSTimeZone("Europe/Berlin")
    start, end = (EWSDateTime(2026, 7, 6, hour, tzinfo=zone) for hour in (9, 13))
    server = protocol("eve@acme.example", password, version=Version(EXCHANGE_2010_SP2))
    return list(server.get_free_busy_info([(ADDRESS, "Required", False)], start, end))


def records(connection: Front) -> list[tuple[str, dict[str, Any]]]:
    return [(str(record.type), dict(record.fields)) for record in connection.trail.records]


def test_a_personal_access_token_is_the_password_of_its_owner(connection: Front, token: str) -> None:
    (view,) = ask(token)
    assert view.merged == "00000000"
    (first, authentication), (second, access), *_ = records(connection)
    assert (first, second) == ("AUTHENTICATION_LOGS", "ACCESS_CONTROL_LOGS")
    assert (authentication["auth_successful"], authentication["method"]) == (True, "basic")
    assert (authentication["personal_access_token_id"], authentication["user"]) == (TOKEN_ID, "eve@acme.example")
    assert authentication["user_agent"].startswith("exchangelib/")
    assert (access["access_granted"], access["user_id"], access["source_ip"]) == (True, "id-eve", "192.0.2.1")
    assert access["request_id"] == authentication["request_id"]
    assert token not in str(records(connection))


@pytest.mark.parametrize(
    ("password", "reason"), [("wrong", "PASSWORDS_NOT_ALLOWED"), (PASSWORD, "PASSWORDS_NOT_ALLOWED"), ("", "TOKEN")]
)
def test_what_does_not_let_in_leaves_the_record_of_a_failed_authentication_alone(
    connection: Front, token: str, password: str, reason: str
) -> None:
    if reason == "TOKEN":
        found = connection.directory.owned(PersonalAccessToken, "m-1", TOKEN_ID)
        assert found
        connection.directory.commit([Remove(found)])
        password, reason = token, "UNKNOWN_TOKEN"
    with pytest.raises(UnauthorizedError):
        ask(password)
    kinds, said = zip(*records(connection), strict=True)
    assert set(kinds) == {"AUTHENTICATION_LOGS"}
    assert {each["auth_failed_reason"] for each in said} == {reason}
    assert {each["user_id"] for each in said} == {"id-eve"}
    assert not any(each["auth_successful"] for each in said)
