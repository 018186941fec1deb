"""In whose name a user may send: a table over From, what is asked for, and permissions, through groups too."""

from __future__ import annotations

from typing import Any

import pytest

from postroom.errors import SubmissionRefusedError
from postroom.model.directory import EntityKind, EntityState
from postroom.model.facts import SUBMITTED
from postroom.model.mailbox_permissions import MailboxPermission, Permission
from postroom.model.records import Insert, Membership
from postroom.submission.submission import Refusal
from tests.support.builders import ORG
from tests.support.memory_mail_system import MemoryMailSystem

AS, ON_BEHALF = Permission.SEND_AS, Permission.SEND_ON_BEHALF
OWN, BOSS, TEAM = "ann@acme.test", "boss@acme.test", "team@acme.test"
UPPER = "BOSS@ACME.TEST"


@pytest.fixture
def system() -> MemoryMailSystem:
    made = MemoryMailSystem()
    for user in ("ann", "boss"):
        made.user(user)
    made.alias("a.berg", "ann")
    made.alias("chief", "boss")
    made.group("team")
    made.group("inner", "ann")
    made.group("outer")
    nested = Membership(organization_id=ORG, group_id="outer", member_id="inner", member_kind=EntityKind.GROUP)
    made.directory.commit([Insert(nested)])
    return made


def grant(system: MemoryMailSystem, owner: str, grantee: str, *permissions: Permission, group: bool = False) -> None:
    row = MailboxPermission(
        organization_id=ORG,
        owner_id=owner,
        grantee_id=grantee,
        grantee_kind=EntityKind.GROUP if group else EntityKind.USER,
        permissions=permissions,
    )
    system.directory.commit([Insert(row)])


def mail(author: str, more: str = "") -> bytes:
    return f"From: {author}\r\nTo: carl@example.org\r\nMessage-ID: <1@x>\r\nDate: now\r\n{more}\r\nHi\r\n".encode()


def refusal(system: MemoryMailSystem, content: bytes, **asked: Any) -> Refusal:
    with pytest.raises(SubmissionRefusedError) as caught:
        system.send("ann", content, **asked)
    assert system.contents("ann", "SENT_ITEMS") == []
    return Refusal(caught.value.reason)


@pytest.mark.parametrize("address", [OWN, "A.Berg@acme.test"])
def test_a_user_sends_from_their_own_addresses(system: MemoryMailSystem, address: str) -> None:
    submitted = system.send("ann", mail(address))
    [order] = system.transit.open_orders(submitted.trace)
    assert order.model_dump()["envelope_from"] == address.lower()
    assert system.contents("ann", "SENT_ITEMS") == [mail(address)]


@pytest.mark.parametrize(
    ("granted", "asked", "sender"),
    [
        ((), {}, None),
        ((AS,), {}, ""),
        ((AS,), {"send_as": BOSS}, ""),
        ((AS,), {"on_behalf_of": BOSS}, None),
        ((ON_BEHALF,), {}, OWN),
        ((ON_BEHALF,), {"on_behalf_of": BOSS}, OWN),
        ((ON_BEHALF,), {"send_as": BOSS}, None),
        ((AS, ON_BEHALF), {}, ""),
        ((AS, ON_BEHALF), {"on_behalf_of": UPPER}, OWN),
        ((Permission.FULL_ACCESS,), {}, None),
    ],
)
@pytest.mark.parametrize("through_group", [False, True])
@pytest.mark.parametrize("address", [BOSS, "chief@acme.test"])
def test_permissions_decide_about_another_name(
    system: MemoryMailSystem,
    granted: tuple[Permission, ...],
    asked: dict[str, str],
    sender: str | None,
    through_group: bool,
    address: str,
) -> None:
    asked = {name: address if value == BOSS else address.upper() for name, value in asked.items()}
    if granted:
        grant(system, "boss", "outer" if through_group else "ann", *granted, group=through_group)
    if sender is None:
        assert refusal(system, mail(address), **asked) is Refusal.NOT_ALLOWED
        return
    fact = system.ledger.fact(system.send("ann", mail(address), **asked).trace, SUBMITTED)
    assert fact is not None
    assert (fact.event["from"], fact.event.get("sender", "")) == (address, sender)
    assert fact.data["onBehalfOf" if sender else "sendAs"] == "boss"
    assert fact.data["envelopeFrom"] == OWN
    added = f"Sender: {sender}\r\n".encode() if sender else b""
    assert system.contents("ann", "SENT_ITEMS") == [added + mail(address)]
    assert system.contents("boss", "SENT_ITEMS") == []


def test_a_group_is_a_name_to_send_in(system: MemoryMailSystem) -> None:
    assert refusal(system, mail(TEAM)) is Refusal.NOT_ALLOWED
    grant(system, "team", "ann", AS)
    system.send("ann", mail(TEAM), send_as=TEAM)


def test_no_user_sends_in_the_name_of_an_entity_that_is_not_enabled(system: MemoryMailSystem) -> None:
    grant(system, "boss", "ann", AS)
    system.entity("boss", state=EntityState.DISABLED)
    assert refusal(system, mail(BOSS)) is Refusal.NOT_ALLOWED


@pytest.mark.parametrize(
    ("content", "asked", "expected"),
    [
        (mail("nobody@acme.test"), {}, Refusal.NOT_ALLOWED),
        (mail("carl@example.org"), {}, Refusal.NOT_ALLOWED),
        (mail(OWN), {"send_as": BOSS}, Refusal.NOT_ALLOWED),
        (mail(OWN), {"send_as": OWN, "on_behalf_of": OWN}, Refusal.NOT_ALLOWED),
        (mail(OWN), {"send_as": "no address"}, Refusal.NOT_ALLOWED),
        (mail(f"{OWN}, {BOSS}"), {}, Refusal.MALFORMED),
        (mail(f"{BOSS}\r\nFrom: {OWN}"), {}, Refusal.MALFORMED),
        (mail(f'"{BOSS}" <{OWN}>, <{BOSS}>'), {}, Refusal.MALFORMED),
        (mail(""), {}, Refusal.MALFORMED),
        (b"To: carl@example.org\r\n\r\nHi\r\n", {}, Refusal.MALFORMED),
    ],
)
def test_from_is_one_address_that_fits_what_is_asked(
    system: MemoryMailSystem, content: bytes, asked: dict[str, str], expected: Refusal
) -> None:
    assert refusal(system, content, **asked) is expected


def test_a_sender_that_names_another_goes(system: MemoryMailSystem) -> None:
    system.send("ann", mail(OWN, "Sender: boss@acme.test\r\n"))
    system.send("ann", mail(OWN, f"Sender: {OWN}\r\n"))
    assert system.contents("ann", "SENT_ITEMS") == [mail(OWN), mail(OWN, f"Sender: {OWN}\r\n")]


@pytest.mark.parametrize("name", ["The Boss", "boss at acme.test", "<>", f"{OWN}\r\nSender: The Boss"])
def test_a_sender_without_an_address_that_clients_would_show_goes(system: MemoryMailSystem, name: str) -> None:
    system.send("ann", mail(OWN, f"Sender: {name}\r\n"))
    assert system.contents("ann", "SENT_ITEMS") == [mail(OWN)]
