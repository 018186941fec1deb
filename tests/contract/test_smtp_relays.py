"""SMTP gateways: in memory, and aiosmtpd over TLS. tests/unit/outbound has what gateways do wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from postroom.adapters.aws.smtp_relays import SocketSmtpRelays
from postroom.adapters.memory.gateway_passwords import MemoryGatewayPasswords
from postroom.adapters.memory.smtp_relays import MemorySmtpRelays
from postroom.model.private_gateways import PrivateGateways
from postroom.model.records import SmtpGateway
from postroom.model.relay_answers import RelayAnswer, RelayResult, RelayStage
from tests.support.builders import ORG
from tests.support.ews_servers import authority
from tests.support.gateways import Gateway
from tests.support.smtp_servers import PASSWORD, USER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postroom.ports.smtp_relays import SmtpRelays

ADA, BOB, EVE = "ada@partner.test", "bob@partner.test", "eve@partner.test"
SENDER = "ann@acme.test"
CONTENT = b"From: ann@acme.test\r\nSubject: =?utf-8?q?=C3=9C?=\r\n\r\n.\r\n..dots\r\nfrom \xc3\xbc to \xff\r\n"

GONE = RelayAnswer(
    result=RelayResult.PERMANENT, stage=RelayStage.RCPT, code=550, status="5.1.1", text="There is no such mailbox"
)
BUSY = RelayAnswer(result=RelayResult.TEMPORARY, stage=RelayStage.RCPT, code=451, status="4.7.1", text="Come back")


@dataclass
class World:
    """A port, a gateway, and what the gateway has taken: sender, recipients, content."""

    relays: SmtpRelays
    gateway: SmtpGateway
    taken: Callable[[], list[tuple[str, list[str], bytes]]]
    refuse: Callable[[str, RelayAnswer], object]


@pytest.fixture(params=["memory", "aiosmtpd"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    passwords = MemoryGatewayPasswords()
    record = SmtpGateway(
        organization_id=ORG,
        id="g-1",
        name="Relay",
        host="localhost",
        port=587,
        user_name=USER,
        sealed_password=passwords.seal(PASSWORD, ORG, "g-1"),
    )
    if request.param == "memory":
        memory = MemorySmtpRelays()
        yield World(
            memory,
            record,
            lambda: [(one.envelope_from, list(one.recipients), one.content) for one in memory.relayed],
            lambda recipient, answer: memory.answers.setdefault(recipient, []).append(answer),
        )
        return
    with Gateway() as gateway:
        relays = SocketSmtpRelays(passwords, PrivateGateways.read(f"localhost:{gateway.port}"), authority().pem)
        yield World(relays, replace(record, port=gateway.port), lambda: gateway.taken, gateway.refuse)
        relays.close()


def results(answers: object) -> dict[str, RelayResult]:
    assert isinstance(answers, dict)
    return {recipient: answer.result for recipient, answer in answers.items()}


def test_a_message_is_taken_with_its_envelope_byte_for_byte(world: World) -> None:
    answers = world.relays.relay(world.gateway, SENDER, [ADA, BOB], CONTENT)
    assert results(answers) == {ADA: RelayResult.ACCEPTED, BOB: RelayResult.ACCEPTED}
    assert {(answer.code, answer.status[0]) for answer in answers.values()} == {(250, "2")}
    assert world.taken() == [(SENDER, [ADA, BOB], CONTENT)]


def test_the_null_sender_stays_null(world: World) -> None:
    world.relays.relay(world.gateway, "", [ADA], CONTENT)
    assert world.taken() == [("", [ADA], CONTENT)]


def test_a_recipient_that_is_named_twice_gets_the_message_once(world: World) -> None:
    assert list(world.relays.relay(world.gateway, SENDER, [ADA, BOB, ADA], CONTENT)) == [ADA, BOB]
    assert world.taken() == [(SENDER, [ADA, BOB], CONTENT)]


def test_refused_recipients_have_their_own_answers_and_others_get_the_message(world: World) -> None:
    world.refuse(BOB, GONE)
    world.refuse(EVE, BUSY)
    answers = world.relays.relay(world.gateway, SENDER, [BOB, ADA, EVE], CONTENT)
    assert results(answers) == {
        BOB: RelayResult.PERMANENT,
        ADA: RelayResult.ACCEPTED,
        EVE: RelayResult.TEMPORARY,
    }
    assert (answers[BOB], answers[EVE]) == (GONE, BUSY)
    assert answers[BOB].diagnostic == "550 5.1.1 There is no such mailbox"
    assert world.taken() == [(SENDER, [ADA], CONTENT)]


def test_without_an_accepted_recipient_nothing_is_sent(world: World) -> None:
    world.refuse(ADA, GONE)
    assert world.relays.relay(world.gateway, SENDER, [ADA], CONTENT) == {ADA: GONE}
    assert world.taken() == []


def test_the_next_message_is_not_held_up_by_a_refused_one(world: World) -> None:
    world.refuse(ADA, BUSY)
    world.relays.relay(world.gateway, SENDER, [ADA], CONTENT)
    world.relays.relay(world.gateway, SENDER, [ADA], CONTENT)
    assert world.taken() == [(SENDER, [ADA], CONTENT)]


def test_a_message_has_as_many_recipients_as_an_order(world: World) -> None:
    many = [f"p{number}@partner.test" for number in range(50)]
    assert set(results(world.relays.relay(world.gateway, SENDER, many, CONTENT))) == set(many)
    assert world.taken() == [(SENDER, many, CONTENT)]
