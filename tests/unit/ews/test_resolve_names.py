"""ResolveNames: which entities a text finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lxml import etree

from postroom.contracts.ews.names import PREFIXES, m
from postroom.contracts.ews.soap import add, new, request
from postroom.ews import resolve_names
from postroom.model.directory import EntityKind, EntityState

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from postroom.model.records import Entity
    from tests.support.ews_front import Front


@pytest.fixture
def house(front: Front) -> Front:
    front.user("grace", attributes={"DisplayName": "Grace Hopper", "FirstName": "Grace", "LastName": "Hopper"})
    front.user("sales", kind=EntityKind.GROUP, role=None)
    front.user("room-1", kind=EntityKind.RESOURCE, attributes={}, aliases=("hall@acme.example",))
    front.user("ghost", hidden=True)
    front.user("gone", state=EntityState.DISABLED)
    front.user("greta", organization_id="m-2")
    return front


def ask(house: Front, text: str | None, **attributes: str) -> Element:
    asked = new(m("ResolveNames"), **attributes)
    if text is not None:
        add(asked, m("UnresolvedEntry"), text)
    response = house.post("/EWS/Exchange.asmx", request(asked))
    root = etree.fromstring(response.body)
    message = root.find(f"s:Body/{m('ResolveNamesResponse')}/*/{m('ResolveNamesResponseMessage')}", PREFIXES)
    assert message is not None
    return message


def found(message: Element) -> list[str | None]:
    return [each.text for each in message.iterfind(".//t:EmailAddress", PREFIXES)]


def code(message: Element) -> str | None:
    return message.findtext(m("ResponseCode"))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("ada", ["ada"]),
        ("ADA@acme.example", ["ada"]),
        ("smtp:ada@acme.example", ["ada"]),
        ("SMTP:hall@acme.example", ["room-1"]),
        ("hopper", ["grace"]),
        ("grace hop", ["grace"]),
        ("Gr", ["grace"]),
        ("sales", ["sales"]),
        ("room", ["room-1"]),
        ("hall@acme", ["room-1"]),
    ],
)
def test_one_entity_is_a_success(house: Front, text: str, names: list[str]) -> None:
    message = ask(house, text)
    assert (message.get("ResponseClass"), code(message)) == ("Success", "NoError")
    assert found(message) == [f"{name}@acme.example" for name in names]


NOBODY = "nobody race ghost ghost@acme.example gone greta greta@other.example smtp: smtp:ada * %"


@pytest.mark.parametrize("text", NOBODY.split())
def test_hidden_disabled_and_other_organizations_entities_are_never_found(house: Front, text: str) -> None:
    message = ask(house, text)
    assert (message.get("ResponseClass"), code(message)) == ("Error", "ErrorNameResolutionNoResults")
    assert found(message) == []


@pytest.mark.parametrize("text", ["x@" + "y" * 100_000, "x" * 100_000 + "@acme.example", "smtp:@", "a b@acme.example"])
def test_what_no_address_can_be_is_looked_up_nowhere(house: Front, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """DynamoDB refuses keys of more than 1,024 bytes."""
    asked: list[str] = []
    find = house.directory.entity_at

    def recorded(organization_id: str, address: str) -> Entity | None:
        asked.append(address)
        return find(organization_id, address)

    monkeypatch.setattr(house.directory, "entity_at", recorded)
    assert code(ask(house, text)) == "ErrorNameResolutionNoResults"
    assert [each for each in asked if len(each) > 320] == []


def test_an_address_may_have_its_domain_in_unicode(house: Front) -> None:
    house.user("umlaut", email="umlaut@xn--bcher-kva.acme.example")
    assert found(ask(house, "Umlaut@B\u00fccher.acme.example")) == ["umlaut@xn--bcher-kva.acme.example"]


def test_several_entities_are_a_warning(house: Front) -> None:
    house.user("adam")
    message = ask(house, "ad")
    assert (message.get("ResponseClass"), code(message)) == ("Warning", "ErrorNameResolutionMultipleResults")
    assert found(message) == ["ada@acme.example", "adam@acme.example"]
    resolutions = message.find(m("ResolutionSet"))
    assert resolutions is not None
    assert (resolutions.get("TotalItemsInView"), resolutions.get("IncludesLastItemInRange")) == ("2", "true")


def test_a_group_is_a_distribution_list_and_a_name_stands_in_for_a_display_name(house: Front) -> None:
    assert ask(house, "sales").findtext(".//t:MailboxType", namespaces=PREFIXES) == "PublicDL"
    room = ask(house, "room-1")
    assert room.findtext(".//t:MailboxType", namespaces=PREFIXES) == "Mailbox"
    assert room.findtext(".//t:Name", namespaces=PREFIXES) == "room-1"


@pytest.mark.parametrize("scope", ["Contacts", "Nonsense"])
def test_a_search_that_leaves_out_the_directory_finds_nobody(house: Front, scope: str) -> None:
    assert code(ask(house, "ada", SearchScope=scope)) == "ErrorNameResolutionNoResults"
    assert code(ask(house, "ada", SearchScope="ContactsActiveDirectory")) == "NoError"


def test_a_contact_has_the_attributes_in_the_schemas_order(house: Front) -> None:
    attributes = {
        "DisplayName": "Alan Turing",
        "FirstName": "Alan",
        "LastName": "Turing",
        "Initials": "AMT",
        "Company": "Bletchley",
        "Telephone": "1",
        "JobTitle": "Reader",
        "Department": "Hut 8",
        "Office": "2",
    }
    house.user("alan", attributes=attributes, aliases=("turing@acme.example",))
    contact = ask(house, "alan", ReturnFullContactData="true").find(".//t:Contact", PREFIXES)
    assert contact is not None
    parts = [(etree.QName(each).localname, "".join(map(str, each.itertext()))) for each in contact]
    assert parts == [
        ("DisplayName", "Alan Turing"),
        ("GivenName", "Alan"),
        ("Initials", "AMT"),
        ("CompanyName", "Bletchley"),
        ("EmailAddresses", "SMTP:alan@acme.exampleSMTP:turing@acme.example"),
        ("PhoneNumbers", "1"),
        ("ContactSource", "ActiveDirectory"),
        ("Department", "Hut 8"),
        ("JobTitle", "Reader"),
        ("OfficeLocation", "2"),
        ("Surname", "Turing"),
    ]


def test_at_most_100_candidates_are_shown(house: Front) -> None:
    for number in range(101):
        house.user(f"many-{number:03}")
    message = ask(house, "many")
    assert len(found(message)) == 100
    assert message.find(m("ResolutionSet")).get("IncludesLastItemInRange") == "false"  # type: ignore[union-attr]
    assert len(found(ask(house, "many-1"))) == 1


def test_only_so_many_entities_are_looked_at(house: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve_names, "MAX_ENTITIES", 2)  # in the order of their ids: id-ada, id-ghost
    assert code(ask(house, "ada")) == "NoError"
    assert code(ask(house, "grace")) == "ErrorNameResolutionNoResults"
    assert code(ask(house, "grace@acme.example")) == "NoError", "an address is one keyed read"
