"""Nothing goes round for ever: not by a gateway that hands messages back, and not by automatic replies."""

from __future__ import annotations

import pytest

from postroom.contracts.outbound_orders import TransmitOrder
from postroom.errors import SubmissionRefusedError
from postroom.mime.headers import Headers
from postroom.model.limits import MAX_HOPS
from postroom.model.rules import ActionType, Direction
from postroom.outbound.mail import MailCarried
from postroom.submission.submission import Refusal
from tests.support.memory_mail_system import MemoryMailSystem
from tests.support.rules import rule

MAIL = (
    b"From: ann@acme.test\r\nTo: bob@example.org\r\nMessage-ID: <1@acme.test>\r\nDate: x\r\nBcc: c@x.test\r\n"
    b"\r\nHello\r\n"
)


@pytest.fixture
def system() -> MemoryMailSystem:
    made = MemoryMailSystem()
    made.user("ann")
    return made


def carried(system: MemoryMailSystem, content: bytes) -> bytes:
    """Submit a message; return the bytes that its only order sends."""
    submitted = system.send("ann", content, "bob@example.org")
    [order] = system.transit.open_orders(submitted.trace)
    assert isinstance(order, TransmitOrder)
    return MailCarried(order, system.raw).content()


def test_a_gateway_that_submits_what_it_gets_is_stopped_by_the_hops(system: MemoryMailSystem) -> None:
    system.rules(rule(ActionType.SMTP_GATEWAY, direction=Direction.OUTBOUND, gateway="g-1"))
    content = MAIL
    for number in range(MAX_HOPS + 1):
        content = carried(system, content)
        assert Headers.of(content).count("Received") == number + 1
    with pytest.raises(SubmissionRefusedError) as refused:
        carried(system, content)
    assert refused.value.reason is Refusal.LOOP


def test_a_hop_is_one_field_before_the_message(system: MemoryMailSystem) -> None:
    system.rules(rule(ActionType.SMTP_GATEWAY, direction=Direction.OUTBOUND, gateway="g-1"))
    field, _, rest = carried(system, MAIL).partition(b"\r\n")
    assert field.startswith(b"Received: by acme.test (Postroom) id ")
    assert rest == MAIL.replace(b"Bcc: c@x.test\r\n", b"")
    assert carried(system, MAIL.replace(b"\r\n", b"\n")).partition(b"\n")[2].startswith(b"From: ann@acme.test\n")


def test_ses_adds_its_hop_itself(system: MemoryMailSystem) -> None:
    assert carried(system, MAIL) == MAIL.replace(b"Bcc: c@x.test\r\n", b"")


ORDERS_TO_SES = (
    b"X-SES-CONFIGURATION-SET: other\r\nx-ses-from-arn: arn:aws:ses:us-east-1:1:identity/x\r\n"
    b"X-SES-MESSAGE-TAGS: postroom-trace=t,\r\n postroom-organization=o\r\nX-SES-LIST-MANAGEMENT-OPTIONS: all\r\n"
)


def test_ses_takes_no_orders_from_a_user(system: MemoryMailSystem) -> None:
    content = MAIL.replace(b"Bcc: c@x.test\r\n", b"")
    assert carried(system, ORDERS_TO_SES + content.replace(b"Date: x", b"Date: x\r\nX-SES-Tenant: y")) == content
    assert carried(system, b"X-Session: 1\r\n" + content) == b"X-Session: 1\r\n" + content


def test_a_gateway_gets_fields_that_mean_nothing_to_it(system: MemoryMailSystem) -> None:
    system.rules(rule(ActionType.SMTP_GATEWAY, direction=Direction.OUTBOUND, gateway="g-1"))
    assert ORDERS_TO_SES in carried(system, ORDERS_TO_SES + MAIL)


@pytest.mark.parametrize("gateway", [None, "g-1"])
def test_no_message_leaves_with_a_return_path(system: MemoryMailSystem, gateway: str | None) -> None:
    """RFC 5321, 4.4: the last server adds it. SES would send what it reports of failures there."""
    if gateway:
        system.rules(rule(ActionType.SMTP_GATEWAY, direction=Direction.OUTBOUND, gateway=gateway))
    assert b"Return-Path" not in carried(system, b"Return-Path: <eve@evil.test>\r\n" + MAIL)


def test_two_who_are_away_answer_each_other_once(system: MemoryMailSystem) -> None:
    system.user("ben")
    for name in ("ann", "ben"):
        system.away(name)
    system.send("ann", MAIL.replace(b"bob@example.org", b"ben@acme.test"), "ben@acme.test")
    system.pump()
    assert [len(system.contents(name)) for name in ("ann", "ben")] == [1, 1]
