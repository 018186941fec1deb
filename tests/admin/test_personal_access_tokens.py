"""Personal access tokens: made once, listed without their text, ended; and a record of each attempt."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.access import tokens
from postroom.access.authenticate import authenticate
from postroom.admin.personal_access_tokens import MAX_TOKENS
from postroom.errors import StoreUnavailableError
from postroom.model.identity import PersonalAccessToken, TokenOfUser
from postroom.model.limits import DAY_MS
from postroom.model.logins import Attempt
from postroom.model.timestamps import timestamp
from tests.admin.conftest import ApiError
from tests.support.logins import basic

if TYPE_CHECKING:
    from collections.abc import Callable

INSTANCE = "arn:aws:sso:::instance/ssoins-1234567890abcdef"
IDENTITY = "11111111-2222-3333-4444-555555555555"
CREATE, DELETE, LIST = "CreatePersonalAccessToken", "DeletePersonalAccessToken", "ListPersonalAccessTokens"
GET = "GetPersonalAccessTokenMetadata"


@pytest.fixture
def configure(caller: Any, acme: str) -> Callable[..., None]:
    application = caller("CreateIdentityCenterApplication", Name="mail", InstanceArn=INSTANCE)["ApplicationArn"]

    def put(status: str = "ACTIVE", days: int | None = 365) -> None:
        lifetime = {} if days is None else {"LifetimeInDays": days}
        caller(
            "PutIdentityProviderConfiguration",
            OrganizationId=acme,
            AuthenticationMode="IDENTITY_PROVIDER_ONLY",
            IdentityCenterConfiguration={"InstanceArn": INSTANCE, "ApplicationArn": application},
            PersonalAccessTokenConfiguration={"Status": status, **lifetime},
        )

    put()
    return put


@pytest.fixture
def ann(configure: Callable[..., None], enable: Callable[..., str]) -> str:
    return enable("Ann", IdentityProviderUserId=IDENTITY)


def logs_in(context: Any, caller: Any, text: str, address: str = "ann@example.com") -> bool:
    attempt = Attempt(basic(address, text), "EWS", "192.0.2.1", caller.now)
    return authenticate(attempt, context.directory, context.passwords).caller is not None


def events(context: Any) -> list[dict[str, Any]]:
    return [dict(record.fields) for record in context.audit_trail.records]


def left(context: Any, acme: str) -> int:
    kinds = (PersonalAccessToken, TokenOfUser)
    return sum(len(context.directory.owned_page(kind, acme, None, 999).items) for kind in kinds)


def test_a_token_is_shown_once_and_logs_its_owner_in(caller: Any, context: Any, acme: str, ann: str) -> None:
    made = caller(CREATE, OrganizationId=acme, UserId=ann, Name="phone", Scopes=["EWS", "IMAP", "EWS"])
    token_id, text = made["PersonalAccessTokenId"], made["Token"]
    assert tokens.id_in(text) == token_id
    assert logs_in(context, caller, text)
    expected = {
        "PersonalAccessTokenId": token_id,
        "UserId": ann,
        "Name": "phone",
        "DateCreated": caller.now / 1000,
        "DateLastUsed": caller.now / 1000,
        "ExpiresTime": (caller.now + 365 * DAY_MS) / 1000,
        "Scopes": ["EWS", "IMAP"],
    }
    assert caller(GET, OrganizationId=acme, PersonalAccessTokenId=token_id) == expected
    assert caller(LIST, OrganizationId=acme) == {"PersonalAccessTokenSummaries": [expected]}
    assert text[-43:] not in str(list(context.directory.records()))


def test_a_token_without_a_lifetime_never_expires_and_has_no_scopes(
    caller: Any, acme: str, ann: str, configure: Callable[..., None]
) -> None:
    configure(days=None)
    made = caller(CREATE, OrganizationId=acme, UserId="ann@example.com", Name="phone")
    found = caller(GET, OrganizationId=acme, PersonalAccessTokenId=made["PersonalAccessTokenId"])
    assert found.keys() == {"PersonalAccessTokenId", "UserId", "Name", "DateCreated"}


def test_a_request_may_shorten_the_lifetime_only(
    caller: Any, context: Any, acme: str, ann: str, configure: Callable[..., None]
) -> None:
    configure(days=30)
    asked = {"OrganizationId": acme, "UserId": ann, "Name": "phone"}
    caller.refused("InvalidParameterException", CREATE, **asked, LifetimeInDays=31)
    text = caller(CREATE, **asked, LifetimeInDays=1)["Token"]
    created = caller.now
    configure(days=365)
    caller.now = created + DAY_MS - 1
    assert logs_in(context, caller, text)
    caller.now = created + DAY_MS
    assert not logs_in(context, caller, text)


def test_a_repeated_creation_is_answered_without_the_token(caller: Any, context: Any, acme: str, ann: str) -> None:
    asked = {"OrganizationId": acme, "UserId": ann, "Name": "phone", "ClientToken": "t"}
    made = caller(CREATE, **asked)
    assert caller(CREATE, **asked) == {"PersonalAccessTokenId": made["PersonalAccessTokenId"]}
    assert left(context, acme) == 2


def test_each_attempt_has_its_record_before_anything_is_written(
    caller: Any, context: Any, acme: str, ann: str, configure: Callable[..., None]
) -> None:
    arn = context.directory.organization(acme).arn
    asked = {"OrganizationId": acme, "UserId": ann, "Name": "phone", "Scopes": ["EWS"]}
    made = caller(CREATE, **asked)
    common = {
        "request_id": "r",
        "organization_arn": arn,
        "user_id": ann,
        "user": "Ann",
        "protocol": "webapp",
        "source_ip": "192.0.2.9",
        "user_agent": "aws-cli/2",
    }
    token = {"name": "phone", "expires_time": timestamp(caller.now + 365 * DAY_MS), "scopes": ["EWS"]}
    created = {"event_timestamp": caller.now, **common, "action": "create", **token}
    assert events(context) == [created]
    assert made["Token"] not in str(events(context))
    caller(DELETE, OrganizationId=acme, PersonalAccessTokenId=made["PersonalAccessTokenId"])
    assert events(context)[1:] == [{**created, "event_timestamp": caller.now, "action": "delete"}]
    configure(status="INACTIVE")
    caller.refused("OrganizationStateException", CREATE, **asked)
    assert [each["action"] for each in events(context)] == ["create", "delete", "create"], "an attempt, too"
    caller("DeleteIdentityProviderConfiguration", OrganizationId=acme)
    caller.refused("ResourceNotFoundException", CREATE, **asked)
    refused = {**created, "event_timestamp": caller.now}
    del refused["expires_time"]
    assert events(context)[3:] == [refused]


def test_without_its_record_a_token_is_neither_made_nor_deleted(caller: Any, context: Any, acme: str, ann: str) -> None:
    asked = {"OrganizationId": acme, "UserId": ann, "Name": "phone"}
    token_id = caller(CREATE, **asked)["PersonalAccessTokenId"]
    before = left(context, acme)
    context.audit_trail.away = True
    caller.refused("ServiceUnavailable", CREATE, **asked)
    caller.refused("ServiceUnavailable", DELETE, OrganizationId=acme, PersonalAccessTokenId=token_id)
    assert left(context, acme) == before


def test_a_deleted_token_is_gone_and_deleting_it_again_is_no_error(
    caller: Any, context: Any, acme: str, ann: str
) -> None:
    made = caller(CREATE, OrganizationId=acme, UserId=ann, Name="phone")
    named = {"OrganizationId": acme, "PersonalAccessTokenId": made["PersonalAccessTokenId"]}
    for _ in range(2):
        assert caller(DELETE, **named) == {}
    assert not logs_in(context, caller, made["Token"])
    caller.refused("ResourceNotFoundException", GET, **named)
    assert left(context, acme) == 0
    assert len(events(context)) == 2


def test_tokens_are_made_for_enabled_associated_users(
    caller: Any, acme: str, ann: str, enable: Callable[..., str]
) -> None:
    off = {"Name": "off", "DisplayName": "Off", "IdentityProviderUserId": IDENTITY}
    user = caller("CreateUser", OrganizationId=acme, **off)["UserId"]
    plain = enable("bob")
    group = enable("team", kind="Group")
    remote = enable("far", Role="REMOTE_USER", IdentityProviderUserId=IDENTITY)
    for named, code in (
        (plain, "EntityStateException"),
        (user, "EntityStateException"),
        (remote, "EntityStateException"),
        (group, "EntityNotFoundException"),
        ("nobody", "EntityNotFoundException"),
    ):
        caller.refused(code, CREATE, OrganizationId=acme, UserId=named, Name="phone")
    asked = {"OrganizationId": acme, "UserId": ann, "Name": "phone"}
    caller.refused("InvalidParameterException", CREATE, **asked, Scopes=["EWS", "POP3"])
    caller("DeleteIdentityProviderConfiguration", OrganizationId=acme)
    caller.refused("ResourceNotFoundException", CREATE, **asked)


def test_a_user_has_at_most_so_many_tokens(caller: Any, acme: str, ann: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_TOKENS * 2 <= 100, "the rows of one transaction"
    monkeypatch.setattr("postroom.admin.personal_access_tokens.MAX_TOKENS", 2)
    asked = {"OrganizationId": acme, "UserId": ann, "Name": "phone"}
    for _ in range(2):
        caller(CREATE, **asked)
    caller.refused("LimitExceededException", CREATE, **asked)


def test_lists_have_pages_and_may_be_of_one_user(caller: Any, acme: str, ann: str, enable: Callable[..., str]) -> None:
    bob = enable("bob", IdentityProviderUserId=IDENTITY)
    made = {
        user: [
            caller(CREATE, OrganizationId=acme, UserId=user, Name=f"n{number}")["PersonalAccessTokenId"]
            for number in range(3)
        ]
        for user in (ann, bob)
    }

    def listed(**asked: Any) -> list[str]:
        found: list[str] = []
        token: str | None = None
        while True:
            more: dict[str, str] = {"NextToken": token} if token else {}
            page = caller(LIST, OrganizationId=acme, MaxResults=2, **more, **asked)
            found += [each["PersonalAccessTokenId"] for each in page["PersonalAccessTokenSummaries"]]
            token = page.get("NextToken")
            if token is None:
                return found

    assert listed() == sorted([*made[ann], *made[bob]])
    assert listed(UserId="bob") == sorted(made[bob])
    caller.refused("EntityNotFoundException", LIST, OrganizationId=acme, UserId="nobody")
    caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=bob)
    assert listed(UserId="bob") == []
    caller("DeleteUser", OrganizationId=acme, UserId=bob)
    caller.refused("EntityStateException", LIST, OrganizationId=acme, UserId=bob)


def test_tokens_end_with_the_registration_and_do_not_come_back(caller: Any, context: Any, acme: str, ann: str) -> None:
    made = [caller(CREATE, OrganizationId=acme, UserId=ann, Name="phone") for _ in range(2)]
    caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=ann)
    assert left(context, acme) == 0
    assert [each["action"] for each in events(context)] == ["create"] * 2 + ["delete"] * 2
    ids = [record.id for record in context.audit_trail.records[2:]]
    assert len(set(ids)) == 2
    caller("RegisterToWorkMail", OrganizationId=acme, EntityId=ann, Email="ann@example.com")
    assert not any(logs_in(context, caller, each["Token"]) for each in made)


def test_a_token_is_good_though_the_clock_of_the_registration_was_ahead(
    caller: Any, context: Any, acme: str, ann: str
) -> None:
    caller.now -= 60_000
    text = caller(CREATE, OrganizationId=acme, UserId=ann, Name="phone")["Token"]
    assert logs_in(context, caller, text)


@pytest.mark.parametrize("operation", ["DeregisterFromWorkMail", "DeleteUser"])
def test_an_interrupted_end_lets_nothing_in_and_is_continued(
    caller: Any, context: Any, acme: str, ann: str, operation: str
) -> None:
    made = caller(CREATE, OrganizationId=acme, UserId=ann, Name="phone")
    context.audit_trail.away = True
    caller.refused("ServiceUnavailable", "DeregisterFromWorkMail", OrganizationId=acme, EntityId=ann)
    assert caller("DescribeUser", OrganizationId=acme, UserId=ann)["State"] == "DISABLED"
    assert left(context, acme) == 2
    named = {"EntityId": ann} if operation == "DeregisterFromWorkMail" else {"UserId": ann}
    caller.refused("ServiceUnavailable", operation, OrganizationId=acme, **named)
    context.audit_trail.away = False
    caller("RegisterToWorkMail", OrganizationId=acme, EntityId=ann, Email="ann@example.com")
    assert not logs_in(context, caller, made["Token"])
    caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=ann)
    caller(operation, OrganizationId=acme, **named)
    assert left(context, acme) == 0


class Stopping:
    """A port whose calls fail from the n-th on, all ports of a test counted together."""

    def __init__(self, port: Any, calls: list[int], most: int) -> None:
        self._port, self._calls, self._most = port, calls, most

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def _count(self) -> None:
        self._calls[0] += 1
        if self._calls[0] > self._most:
            raise StoreUnavailableError("down")

    def commit(self, changes: Any) -> None:
        self._count()
        self._port.commit(changes)

    def record(self, records: Any) -> None:
        self._count()
        self._port.record(records)


@pytest.mark.parametrize("most", range(5))
def test_wherever_it_stops_no_token_is_made_or_ended_without_its_record(
    caller: Any, context: Any, acme: str, ann: str, most: int
) -> None:
    named = {"OrganizationId": acme, "UserId": ann, "Name": "phone"}
    calls = [0]
    directory, trail = (Stopping(port, calls, most) for port in (context.directory, context.audit_trail))
    caller.context = replace(context, directory=directory, audit_trail=trail)
    with contextlib.suppress(ApiError):
        token_id = caller(CREATE, **named)["PersonalAccessTokenId"]
        caller(DELETE, OrganizationId=acme, PersonalAccessTokenId=token_id)
    actions, tokens_left = [each["action"] for each in events(context)], left(context, acme) // 2
    assert (actions, tokens_left) == {
        0: ([], 0),
        1: (["create"], 0),
        2: (["create"], 1),
        3: (["create", "delete"], 1),
        4: (["create", "delete"], 0),
    }[most]
