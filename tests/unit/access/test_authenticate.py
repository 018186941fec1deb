"""Whose password an Authorization header has."""

from __future__ import annotations

import base64
import dataclasses

import pytest

from postroom.access.authenticate import authenticate
from postroom.adapters.memory.directory import MemoryDirectory
from postroom.adapters.memory.passwords import PlainPasswords
from postroom.contracts import http_basic
from postroom.model.callers import Caller
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.records import (
    AddressClaim,
    AliasClaim,
    Entity,
    Insert,
    NameClaim,
    Organization,
    OrganizationState,
    PasswordHash,
    Record,
    Replace,
)
from tests.support.directory_records import domain, organization

PASSWORD = "pässwörd-9"
ADA = Caller("m-1", "ada", "Ada@acme.example", "ada")


class House:
    """An organization with a user, and a counter of comparisons."""

    def __init__(self) -> None:
        self.directory, self.passwords = MemoryDirectory(), PlainPasswords()
        self.organization: Organization = organization("m-1", alias="acme")
        self.ada = Entity(
            organization_id="m-1",
            id="ada",
            kind=EntityKind.USER,
            name="ada",
            state=EntityState.ENABLED,
            created=1,
            role=Role.USER,
            email="Ada@acme.example",
            aliases=("ada.lovelace@acme.example", "ada@xn--bcher-kva.example"),
        )
        claims = [
            AddressClaim(address=address, organization_id="m-1", entity_id="ada", kind=EntityKind.USER)
            for address in self.ada.addresses
        ]
        hashed = PasswordHash(organization_id="m-1", user_id="ada", hash=self.passwords.hash(PASSWORD))
        records: list[Record] = [
            self.organization,
            AliasClaim(alias="acme", organization_id="m-1"),
            domain("acme.example", self.organization),
            self.ada,
            NameClaim(organization_id="m-1", name="ada", entity_id="ada", kind=EntityKind.USER),
            *claims,
            hashed,
        ]
        records.append(domain("xn--bcher-kva.example", self.organization))
        self.directory.commit([Insert(record) for record in records])

    def asked(self, user_name: str, password: str = PASSWORD, *, encoding: str = "utf-8") -> Caller | None:
        return self.header(basic(user_name, password, encoding))

    def header(self, header: str) -> Caller | None:
        return authenticate(header, self.directory, self.passwords)

    def change(self, record: Entity) -> None:
        self.directory.commit([Replace(record)])


def basic(user_name: str, password: str, encoding: str = "utf-8") -> str:
    return "Basic " + base64.b64encode(f"{user_name}:{password}".encode(encoding)).decode()


@pytest.fixture
def house() -> House:
    return House()


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
    house: House, user_name: str, encoding: str
) -> None:
    assert house.asked(user_name, encoding=encoding) == ADA


@pytest.mark.parametrize(
    "user_name",
    ["", "ada", "@acme.example", "ada@", "nobody@acme.example", "ada@other.example", "\\ada", "acme\\", "other\\ada"],
)
def test_nobody_else_is_found(house: House, user_name: str) -> None:
    assert house.asked(user_name) is None


@pytest.mark.parametrize("password", ["", "passwort-9", f"{PASSWORD} ", PASSWORD.upper()])
def test_a_wrong_password_is_refused(house: House, password: str) -> None:
    assert house.asked("ada@acme.example", password) is None


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic YWRh",  # no colon
        "Bearer " + basic("ada@acme.example", PASSWORD)[6:],
        basic("ada@acme.example", "x" * 1000),
        "Basic \u00e9",
    ],
)
def test_what_is_no_basic_authentication_is_refused_without_a_comparison(house: House, header: str) -> None:
    assert house.header(header) is None
    assert house.passwords.compared == 0


def test_the_schemes_name_is_read_in_any_case(house: House) -> None:
    assert house.header("bAsIc" + basic("ada@acme.example", PASSWORD)[5:]) == ADA


def test_a_password_may_have_colons() -> None:
    (read,) = http_basic.readings(basic("ada", "a:b:"))
    assert (read.user_name, read.password) == ("ada", "a:b:")


def test_credentials_are_in_no_text() -> None:
    (read,) = http_basic.readings(basic("ada", "secret"))
    assert "secret" not in repr(read)
    assert "secret" not in str([read])


@pytest.mark.parametrize("password", ["wrong", "wröng"])
@pytest.mark.parametrize("user_name", ["nobody@acme.example", "ada@other.example", "nobody\\ada", "nobody"])
def test_an_unknown_user_costs_as_many_comparisons_as_a_known_one(house: House, user_name: str, password: str) -> None:
    assert house.asked("ada@acme.example", password) is None
    known = house.passwords.compared
    assert house.asked(user_name, password) is None
    assert house.passwords.compared == 2 * known == 2 * (1 if password.isascii() else 2)


@pytest.mark.parametrize("state", [EntityState.DISABLED, EntityState.DELETED])
def test_a_user_that_is_not_enabled_is_refused_after_the_same_time(house: House, state: EntityState) -> None:
    house.change(dataclasses.replace(house.ada, state=state))
    assert house.asked("ada@acme.example") is None
    assert house.passwords.compared == 2


def test_a_remote_user_is_refused(house: House) -> None:
    house.change(dataclasses.replace(house.ada, role=Role.REMOTE_USER))
    assert house.asked("ada@acme.example") is None


def test_users_of_an_organization_that_is_not_active_are_refused_by_either_name(house: House) -> None:
    deleting = dataclasses.replace(house.organization, state=OrganizationState.DELETING)
    record = house.directory.domain_record("acme.example")
    assert record
    house.directory.commit([Replace(deleting), Replace(dataclasses.replace(record, organization=deleting.ref))])
    assert house.asked("ada@acme.example") is None
    assert house.asked("acme\\ada") is None


def test_a_user_without_a_password_is_refused(house: House) -> None:
    house.directory.commit([Insert(dataclasses.replace(house.ada, id="eve", email="eve@acme.example", aliases=()))])
    house.directory.commit(
        [Insert(AddressClaim(address="eve@acme.example", organization_id="m-1", entity_id="eve", kind=EntityKind.USER))]
    )
    assert house.asked("eve@acme.example", "") is None
