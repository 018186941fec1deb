"""Which user an Authorization header has the password of, and how many hashes the answer costs."""

from __future__ import annotations

import dataclasses
import unicodedata
from typing import Any

import pytest

from postroom.contracts import http_basic
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.logins import FailedReason, Method
from postroom.model.records import OrganizationState, Replace
from tests.support.logins import ADA, PASSWORD, Logins, basic


@pytest.fixture
def logins() -> Logins:
    return Logins()


@pytest.mark.parametrize(
    "user_name",
    [
        "ada@acme.example",
        "ADA@Acme.Example",
        "ada.lovelace@acme.example",
        "Ada@B\u00fccher.example",
        "acme.example\\ada",
        "ACME\\Ada",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_user_is_found_by_address_alias_and_domain_name_in_both_character_sets(
    logins: Logins, user_name: str, encoding: str
) -> None:
    outcome = logins.asked(user_name, encoding=encoding)
    assert outcome.caller == ADA
    assert (outcome.user, outcome.user_id, outcome.reason) == (user_name, "ada", None)
    assert (outcome.organization, outcome.method) == (logins.organization.ref, Method.BASIC)


@pytest.mark.parametrize("user_name", ["nobody@acme.example", "acme\\", "acme\\nobody"])
def test_an_unknown_user_of_a_known_organization_is_named_as_sent(logins: Logins, user_name: str) -> None:
    outcome = logins.asked(user_name)
    assert (outcome.caller, outcome.reason, outcome.user_id) == (None, FailedReason.UNKNOWN_USER, "")
    assert (outcome.organization, outcome.user) == (logins.organization.ref, user_name)


@pytest.mark.parametrize(
    "user_name", ["", "ada", "@acme.example", "ada@", "ada@other.example", "\\ada", "other\\ada", PASSWORD]
)
def test_a_name_without_a_known_organization_belongs_to_none(logins: Logins, user_name: str) -> None:
    outcome = logins.asked(user_name)
    assert (outcome.caller, outcome.organization) == (None, None)
    assert logins.failures() == []


@pytest.mark.parametrize("password", ["", "passwort-9", f"{PASSWORD} ", PASSWORD.upper(), "x" * 256, "\u00ff" * 256])
def test_a_wrong_password_is_refused(logins: Logins, password: str) -> None:
    outcome = logins.asked(password=password)
    assert (outcome.caller, outcome.reason, outcome.user_id) == (None, FailedReason.WRONG_PASSWORD, "ada")


@pytest.mark.parametrize("password", ["\u00c9t\u00e9-\u00fcber-9", "\u00ff" * 64, " Aa1 \u00b5\u00d7 "])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_password_of_latin_1_is_right_in_either_unicode_form(logins: Logins, password: str, form: str) -> None:
    """macOS writes decomposed text in places; the policy's characters are composed."""
    logins.add(logins.person("grace"), password)
    sent = unicodedata.normalize(form, password)  # type: ignore[arg-type]
    assert logins.asked("grace@acme.example", sent).caller is not None


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic YWRh",  # no colon
        "Negotiate " + basic("ada@acme.example", PASSWORD)[6:],
        basic("ada@acme.example", "x" * 4000),
        "Basic \u00e9",
    ],
)
def test_a_header_of_no_known_form_is_refused_without_a_hash(logins: Logins, header: str) -> None:
    outcome = logins.header(header)
    assert (outcome.caller, outcome.organization, logins.passwords.compared) == (None, None, 0)


def test_the_schemes_name_is_read_in_any_case(logins: Logins) -> None:
    assert logins.header("bAsIc" + basic("ada@acme.example", PASSWORD)[5:]).caller == ADA


def test_a_password_may_have_colons() -> None:
    (read,) = http_basic.readings(basic("ada", "a:b:"))
    assert (read.user_name, read.password) == ("ada", "a:b:")


def test_credentials_are_in_no_text() -> None:
    (read,) = http_basic.readings(basic("ada", "secret"))
    assert "secret" not in repr(read)
    assert "secret" not in str([read])


@pytest.mark.parametrize("password", ["wrong", "wr\u00f6ng", "x" * 256])
def test_every_name_costs_the_same_number_of_hashes(logins: Logins, password: str) -> None:
    """A name without a user, one that may not log in, and one whose attempts wait cost what a wrong password costs."""
    logins.add(logins.person("remote", role=Role.REMOTE_USER))
    logins.add(logins.person("off", state=EntityState.DISABLED))
    logins.add(logins.person("empty"), None)
    logins.add(logins.person("team", kind=EntityKind.GROUP, role=None), None)
    names = ("ada@acme.example", "nobody@acme.example", "ada@other.example", "nobody\\ada", "nobody")
    expected = 1 if password.isascii() else 2
    for _ in range(8):  # the last of them wait
        assert {logins.hashes(name, password) for name in names} == {expected}
        for name in ("remote", "off", "empty", "team"):
            assert logins.hashes(f"{name}@acme.example", password) == expected
    assert logins.asked(password=password).reason is FailedReason.TOO_MANY_FAILURES


@pytest.mark.parametrize("state", [EntityState.DISABLED, EntityState.DELETED])
def test_a_user_that_is_not_enabled_is_refused(logins: Logins, state: EntityState) -> None:
    logins.change_ada(state=state)
    assert logins.asked().reason is FailedReason.USER_NOT_ENABLED
    assert logins.passwords.compared == 2


def test_a_remote_user_is_refused(logins: Logins) -> None:
    logins.change_ada(role=Role.REMOTE_USER)
    assert logins.asked().reason is FailedReason.REMOTE_USER


def test_users_of_an_organization_that_is_not_active_are_refused_by_either_name(logins: Logins) -> None:
    deleting = dataclasses.replace(logins.organization, state=OrganizationState.DELETING)
    record = logins.directory.domain_record("acme.example")
    assert record
    logins.directory.commit([Replace(deleting), Replace(dataclasses.replace(record, organization=deleting.ref))])
    for name in ("ada@acme.example", "acme\\ada"):
        outcome = logins.asked(name)
        assert (outcome.reason, outcome.organization) == (FailedReason.ORGANIZATION_NOT_ACTIVE, deleting.ref)
    assert logins.failures() == []


@pytest.mark.parametrize(
    ("user_name", "is_recorded"),
    [("x" * 2000 + "@acme.example", True), ("acme\\" + "\u00fc" * 600, True), ("a@" + "x" * 2500 + ".example", False),
     ("x" * 2500 + "\\ada", False)],
)  # fmt: skip
def test_names_that_no_key_can_have_are_unknown_and_not_looked_for(
    logins: Logins, monkeypatch: pytest.MonkeyPatch, user_name: str, *, is_recorded: bool
) -> None:
    """DynamoDB refuses to read a sort key of more than 1,024 bytes."""
    for name in ("entity_at", "entity_named", "domain_record", "organization_with_alias"):
        read = getattr(logins.directory, name)

        def short(*keys: str, read: Any = read) -> Any:
            assert all(len(key.encode()) <= 1000 for key in keys)
            return read(*keys)

        monkeypatch.setattr(logins.directory, name, short)
    outcome = logins.asked(user_name, "wrong")
    assert (outcome.reason, outcome.caller) == (FailedReason.UNKNOWN_USER, None)
    assert (outcome.organization is not None) == is_recorded
    assert logins.passwords.compared == (1 if user_name.isascii() else 2)


def test_a_user_without_a_password_is_refused(logins: Logins) -> None:
    logins.add(logins.person("eve"), None)
    for password in ("", PASSWORD):
        assert logins.asked("eve@acme.example", password).reason is FailedReason.WRONG_PASSWORD
