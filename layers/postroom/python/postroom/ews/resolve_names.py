"""ResolveNames: users, groups and resources of the caller's organization by name or address.

A text that is an address, with or without ``smtp:``, finds the entity that has it. Any other text finds the entities
where a word of the display name, first or last name, the name, or an address begins with it, as Exchange's ambiguous
name resolution does. Hidden and disabled entities are never found.

Source: Microsoft's EWS reference, ResolveNames: at most 100 candidates; MS-OXWSRSLNM 3.1.4.1. Ours: the number of
entities that are looked at.
"""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING, Final

from postroom.contracts.ews.names import m, t
from postroom.contracts.ews.responses import add_message, add_problem, new_response
from postroom.contracts.ews.soap import add, schema_fault
from postroom.model.directory import EntityKind, EntityState
from postroom.ports.directory import every_item

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.etree import _Element as Element

    from postroom.contracts.ews.soap import Call
    from postroom.ews.context import Asking, Context
    from postroom.model.records import Entity
    from postroom.ports.directory import AddressBook

OPERATION: Final = "ResolveNames"
MAX_CANDIDATES: Final = 100
MAX_ENTITIES: Final = 10_000
"""Most entities of each kind that are looked at for a text that is no address: about three seconds. Ours."""

_IN_DIRECTORY: Final = {"ActiveDirectory", "ActiveDirectoryContacts", "ContactsActiveDirectory", None}
"""Values of SearchScope that include the directory; None is the default."""

_CONTACT: Final = {"DisplayName": "DisplayName", "GivenName": "FirstName", "Initials": "Initials"}
_CONTACT_AFTER_ADDRESSES: Final = {"Department": "Department", "JobTitle": "JobTitle", "OfficeLocation": "Office"}
"""Elements of a contact, in the schema's order, by the name of the directory's attribute."""


def answer(call: Call, asking: Asking, context: Context) -> Element:
    """Answer the first text; the schema allows one.

    Raises:
        FaultError: there is no text; ErrorSchemaValidation.
        StoreUnavailableError: the directory did not answer.
    """
    text = (call.request.findtext(m("UnresolvedEntry")) or "").strip().casefold()
    if not text:
        raise schema_fault("UnresolvedEntry is empty")
    in_directory = call.request.get("SearchScope") in _IN_DIRECTORY
    found = _search(text, asking, context) if in_directory else []
    response, messages = new_response(OPERATION)
    if not found:
        add_problem(messages, OPERATION, "ErrorNameResolutionNoResults", "No results were found.")
        return response
    shown = found[:MAX_CANDIDATES]
    if len(shown) == 1:
        message = add_message(messages, OPERATION)
    else:
        code, said = "ErrorNameResolutionMultipleResults", "Multiple results were found."
        message = add_problem(messages, OPERATION, code, said, warning=True)
    is_whole = "true" if len(found) <= MAX_CANDIDATES else "false"
    attributes = {"TotalItemsInView": str(len(shown)), "IncludesLastItemInRange": is_whole}
    resolutions = add(message, m("ResolutionSet"), **attributes)
    with_contact = (call.request.get("ReturnFullContactData") or "").strip().lower() in {"true", "1"}
    for entity in shown:
        _add_resolution(resolutions, entity, with_contact=with_contact)
    return response


def _search(text: str, asking: Asking, context: Context) -> list[Entity]:
    """Return the entities that a text means, at most one more than ``MAX_CANDIDATES``."""
    exact = context.at(asking, text)
    if exact or text.startswith("smtp:"):
        return [exact] if exact and _is_shown(exact) else []
    everybody = _entities(asking.caller.organization_id, context.address_book)
    matching = (each for each in everybody if _is_shown(each) and _matches(each, text))
    return list(itertools.islice(matching, MAX_CANDIDATES + 1))


def _entities(organization_id: str, address_book: AddressBook) -> Iterator[Entity]:
    for kind in EntityKind:
        of_kind = every_item(partial(address_book.entities, organization_id, kind))
        yield from itertools.islice(of_kind, MAX_ENTITIES)


def _is_shown(entity: Entity) -> bool:
    return entity.state is EntityState.ENABLED and not entity.hidden and entity.email is not None


def _matches(entity: Entity, text: str) -> bool:
    attributes = entity.attributes
    names = [attributes.get(name, "") for name in ("DisplayName", "FirstName", "LastName")] + [entity.name]
    beginnings = [word for name in names for word in (name, *name.split())] + list(entity.addresses)
    return any(each.casefold().startswith(text) for each in beginnings)


def _add_resolution(parent: Element, entity: Entity, *, with_contact: bool) -> None:
    resolution = add(parent, t("Resolution"))
    mailbox = add(resolution, t("Mailbox"))
    add(mailbox, t("Name"), entity.attributes.get("DisplayName") or entity.name)
    add(mailbox, t("EmailAddress"), entity.email)
    add(mailbox, t("RoutingType"), "SMTP")
    add(mailbox, t("MailboxType"), "PublicDL" if entity.kind is EntityKind.GROUP else "Mailbox")
    if with_contact:
        _add_contact(add(resolution, t("Contact")), entity)


def _add_contact(contact: Element, entity: Entity) -> None:
    """Add the members of ContactItemType in the schema's order."""
    known = {"DisplayName": entity.name, **entity.attributes}
    _add_known(contact, _CONTACT, known)
    _add_known(contact, {"CompanyName": "Company"}, known)
    addresses = add(contact, t("EmailAddresses"))
    for number, address in enumerate([entity.email or "", *entity.aliases][:3], start=1):
        add(addresses, t("Entry"), f"SMTP:{address}", Key=f"EmailAddress{number}")
    if known.get("Telephone"):
        add(add(contact, t("PhoneNumbers")), t("Entry"), known["Telephone"], Key="BusinessPhone")
    add(contact, t("ContactSource"), "ActiveDirectory")
    _add_known(contact, _CONTACT_AFTER_ADDRESSES, known)
    _add_known(contact, {"Surname": "LastName"}, known)


def _add_known(contact: Element, elements: dict[str, str], known: dict[str, str]) -> None:
    for element, attribute in elements.items():
        if known.get(attribute):
            add(contact, t(element), known[attribute])
