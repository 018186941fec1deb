"""A domain in Unicode is the domain of its A-label, wherever a message is routed by it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postroom.model.addresses import Address, a_label
from postroom.model.directory import EntityKind
from postroom.model.facts import EventName
from postroom.model.records import AddressClaim, Insert
from tests.support.builders import ORG
from tests.support.memory_mail_system import MemoryMailSystem

BOOKS = "xn--bcher-kva.example"
PERSIAN = "نامه\u200cای.example"  # noqa: RUF001  Arabic letters
HEART = "i❤.example"

FORMS = [
    (BOOKS, BOOKS),
    (BOOKS, BOOKS.upper()),
    (BOOKS, "bücher.example"),
    (BOOKS, "BÜCHER.Example."),
    (BOOKS, "bu\u0308cher\u3002example"),
    ("xn--mgba3gch31f060k.example", PERSIAN),
    ("xn--i-7iq.example", HEART),
]
"""Registered domains, and the forms that a sender may write. IDNA 2008 refuses the last; browsers look it up."""


@pytest.mark.parametrize(("registered", "written"), FORMS)
def test_a_notification_with_either_form_reaches_the_organization(registered: str, written: str) -> None:
    post = MemoryMailSystem()
    post.user("ann")
    domain = post.directory.domain_record("acme.test")
    assert domain is not None
    claim = AddressClaim(address=f"ann@{registered}", organization_id=ORG, entity_id="ann", kind=EntityKind.USER)
    post.directory.commit([Insert(replace(domain, name=registered)), Insert(claim)])
    facts = post.arrive("m1", b"Subject: x\r\n\r\n", f"ann@{written}", f"ANN@{registered}")
    assert [fact.name for fact in facts].count(EventName.MAILBOX_EMAIL_DELIVERED) == 1
    assert post.contents("ann") == [b"Subject: x\r\n\r\n"]


@pytest.mark.parametrize(
    ("written", "label"),
    [
        ("a_b.BÜCHER.example", "a_b.xn--bcher-kva.example"),
        ("☃.example", "xn--n3h.example"),
        ("ﬁ.example", "fi.example"),
        ("ü" * 64 + ".example", "ü" * 64 + ".example"),
        ("\ud800.example", "\ud800.example"),
    ],
)
def test_labels_that_idna_2008_refuses_are_read_as_browsers_look_them_up(written: str, label: str) -> None:
    assert a_label(written) == label


def test_joiners_belong_to_domains_and_to_no_local_part() -> None:
    assert Address.parse(f"ann@{PERSIAN}") == ("ann", "xn--mgba3gch31f060k.example")
    assert Address.parse("a\u200cn@acme.test") is None
    assert Address.parse("ann@acme\u202e.test") is None
    assert Address.parse(f"ann@{PERSIAN}\n") is None
    assert Address.parse("\tann@acme.test") is None
