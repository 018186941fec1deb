"""The header ExchangeImpersonation, and which operations change something."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from exchangelib import services
from exchangelib.account import Identity
from exchangelib.util import create_element
from lxml import etree

from postroom.contracts.ews import changes
from postroom.contracts.ews.names import PREFIXES
from postroom.contracts.ews.soap import FaultError
from postroom.ews.impersonation import impersonated_user
from postroom.ews.operations import OPERATIONS
from postroom.model.directory import EntityKind, EntityState, Role

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from tests.support.ews_front import Front

INVALID = "ErrorInvalidExchangeImpersonationHeaderData"


def header(inner: str) -> Element:
    return etree.fromstring(
        '<s:Header xmlns:s="{s}" xmlns:t="{t}" xmlns:m="{m}">'.format(**PREFIXES) + inner + "</s:Header>"
    )


def naming(*names: str) -> Element:
    """Return the header with elements of ConnectingSID, each as ``name=text``."""
    inner = "".join("<t:{0}>{1}</t:{0}>".format(*name.split("=")) for name in names)
    return header(f"<t:ExchangeImpersonation><t:ConnectingSID>{inner}</t:ConnectingSID></t:ExchangeImpersonation>")


def code_of(front: Front, asked: Element) -> str:
    with pytest.raises(FaultError) as caught:
        impersonated_user(asked, "m-1", front.directory)
    return caught.value.code


@pytest.mark.parametrize(
    "names",
    [
        ["PrimarySmtpAddress=bob@acme.example"],
        ["SmtpAddress=BOB@Acme.Example"],
        ["SmtpAddress= b.marley@acme.example\n"],
        ["PrincipalName=bob@acme.example"],
        ["PrincipalName=Bob"],
        ["SID=id-bob"],
        ["PrincipalName=bob", "SID=id-bob", "PrimarySmtpAddress=bob@acme.example", "SmtpAddress=bob@acme.example"],
    ],
)
def test_a_user_is_found_by_each_of_their_names(front: Front, names: list[str]) -> None:
    front.user("bob", aliases=("b.marley@acme.example",))
    assert impersonated_user(naming(*names), "m-1", front.directory).id == "id-bob"


def test_exchangelib_writes_every_name_that_it_knows(front: Front) -> None:
    written = Identity(sid="id-ada", upn="ada", smtp_address="ada@acme.example").to_xml(version=None)
    outer = create_element("s:Header", nsmap=PREFIXES)
    outer.append(create_element("t:ExchangeImpersonation", nsmap=PREFIXES))
    outer[0].append(written)
    assert impersonated_user(outer, "m-1", front.directory).id == "id-ada"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("PrimarySmtpAddress=eve@acme.example", "ErrorNonExistentMailbox"),
        ("PrimarySmtpAddress=ada", "ErrorNonExistentMailbox"),
        ("SmtpAddress=id-ada", "ErrorNonExistentMailbox"),
        ("SmtpAddress=" + "a" * 400 + "@acme.example", "ErrorNonExistentMailbox"),
        ("SmtpAddress=far@other.example", "ErrorNonExistentMailbox"),
        ("PrincipalName=eve", "ErrorInvalidUserPrincipalName"),
        ("PrincipalName=far@other.example", "ErrorInvalidUserPrincipalName"),
        ("SID=ada", "ErrorInvalidUserSid"),
        ("SID=S-1-5-21-1", "ErrorInvalidUserSid"),
        ("SID=id-far", "ErrorInvalidUserSid"),
        ("SID=" + "ä" * 300, "ErrorInvalidUserSid"),
        *((f"SmtpAddress={name}@acme.example", "ErrorNonExistentMailbox") for name in ("team", "room", "off", "away")),
        *((f"SID=id-{name}", "ErrorInvalidUserSid") for name in ("team", "room", "off", "away")),
    ],
)
def test_no_other_user_is_found(front: Front, name: str, code: str) -> None:
    front.user("far", organization_id="m-2")
    front.user("team", kind=EntityKind.GROUP)
    front.user("room", kind=EntityKind.RESOURCE)
    front.user("off", state=EntityState.DISABLED)
    front.user("away", role=Role.REMOTE_USER)
    assert code_of(front, naming(name)) == code


def test_names_of_different_users_are_refused(front: Front) -> None:
    front.user("bob")
    assert code_of(front, naming("SID=id-ada", "PrincipalName=bob")) == INVALID


@pytest.mark.parametrize(
    "inner",
    [
        "",
        "<t:ExchangeImpersonation/>",
        "<m:ExchangeImpersonation><t:ConnectingSID><t:SID>id-ada</t:SID></t:ConnectingSID></m:ExchangeImpersonation>",
        "<t:ExchangeImpersonation><t:ConnectingSID/></t:ExchangeImpersonation>",
        "<t:ExchangeImpersonation><t:SID>id-ada</t:SID></t:ExchangeImpersonation>",
        "<t:ExchangeImpersonation><t:ConnectingSID><t:Sid>id-ada</t:Sid></t:ConnectingSID></t:ExchangeImpersonation>",
        "<t:ExchangeImpersonation><t:ConnectingSID><t:SID> </t:SID></t:ConnectingSID></t:ExchangeImpersonation>",
        "<t:ExchangeImpersonation><t:ConnectingSID><t:SID/></t:ConnectingSID></t:ExchangeImpersonation>",
        "<t:ExchangeImpersonation><t:ConnectingSID><t:SID>id-ada</t:SID><t:SID>id-ada</t:SID></t:ConnectingSID>"
        "</t:ExchangeImpersonation>",
        "<t:ExchangeImpersonation><t:ConnectingSID><t:SID>id-ada</t:SID></t:ConnectingSID></t:ExchangeImpersonation>"
        * 2,
        "<t:ExchangeImpersonation><t:ConnectingSID><t:SID>id-ada</t:SID></t:ConnectingSID><t:ConnectingSID/>"
        "</t:ExchangeImpersonation>",
    ],
)
def test_a_header_of_another_form_is_refused(front: Front, inner: str) -> None:
    assert code_of(front, header(inner)) == INVALID


def test_each_operation_is_in_one_table() -> None:
    assert not changes.READING & changes.CHANGING.keys()
    served = {changes.name_of(operation) for operation in OPERATIONS}
    assert served <= changes.READING | changes.CHANGING.keys()
    assert not changes.changes("GetUserAvailabilityRequest")


def test_exchangelibs_operations_are_known_as_far_as_exchange_2010_has_them() -> None:
    """Newer ones and those of AutoDiscover are in no table and so count as changing."""
    known = changes.READING | changes.CHANGING.keys()
    names = {getattr(services, name).SERVICE_NAME for name in services.__all__} - {None, "SendNotification"}
    newer = {"ArchiveItem", "FindPeople", "GetPersona", "GetSearchableMailboxes", "MarkAsJunk"}
    assert names - known == newer | {"GetUserSettings"}
    assert all(changes.changes(name) for name in newer)
