"""Sessions with SMTP gateways: what is said, which are used again, and when a gateway rests."""

from __future__ import annotations

import time
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING

import pytest

from postroom.adapters.aws.smtp_relays import IDLE_S, MAX_KEPT, MAX_MESSAGES, REST_S, REST_SHARE
from postroom.model.relay_answers import RelayResult, RelayStage
from tests.support.builders import OTHER
from tests.support.smtp_servers import PASSWORD, PLAIN, STEPS, SmtpServer, hang_up
from tests.unit.outbound.gateway_harness import ADA, BOB, CONTENT, SENDER, Client

if TYPE_CHECKING:
    from postroom.model.relay_answers import RelayAnswer
    from tests.support.smtp_servers import Talk

ACCEPTED, TEMPORARY, PERMANENT = RelayResult
EIGHT_BIT = b"Subject: x\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
UTF8_HEADER = b"Subject: Gr\xc3\xbc\xc3\x9fe\r\n\r\n\r\n"
PLAIN_EHLO = "250-gateway.test\r\n250 AUTH PLAIN"


def send(client: Client, recipient: str = ADA) -> RelayAnswer:
    """Hand a message over, and leave the session open."""
    return client.relays.relay(client.gateway, SENDER, [recipient], CONTENT)[recipient]


def test_what_is_said_to_a_gateway() -> None:
    with SmtpServer() as server:
        assert Client.of(server).relay(ADA, BOB)[BOB].text == "Queued as 12345"
        assert server.commands == [
            "EHLO [127.0.0.1]",
            "STARTTLS",
            "EHLO [127.0.0.1]",
            f"AUTH PLAIN {PLAIN}",
            f"MAIL FROM:<{SENDER}> SIZE={len(CONTENT)}",
            f"RCPT TO:<{ADA}>",
            f"RCPT TO:<{BOB}>",
            "DATA",
        ]


def test_local_parts_are_said_as_they_are() -> None:
    with SmtpServer() as server:
        client = Client.of(server)
        client.relay("Jo.Bloggs@example.org", "jo.bloggs@example.org")
        assert [each for each in server.commands if each.startswith("RCPT")] == [
            "RCPT TO:<Jo.Bloggs@example.org>",
            "RCPT TO:<jo.bloggs@example.org>",
        ]


def test_port_465_begins_with_tls() -> None:
    with SmtpServer(implicit=True) as server:
        assert Client(server.port, is_implicit=True).answer().result is ACCEPTED
        assert server.verbs[:2] == ["EHLO", "AUTH"]


def test_an_address_as_host_needs_a_certificate_for_the_address() -> None:
    with SmtpServer() as server:
        assert Client(server.port, host="127.0.0.1").answer().result is ACCEPTED


def test_login_is_used_where_plain_is_not_offered() -> None:
    replies = iter(["334 VXNlcm5hbWU6"])
    with SmtpServer(SECURE_EHLO="250-gateway.test\r\n250 AUTH LOGIN", AUTH=lambda _: next(replies)) as server:
        said = iter(["334 UGFzc3dvcmQ6", "235 2.7.0 Welcome"])
        server.steps |= {response: lambda _: next(said) for response in Client.of(server).login.responses}
        client = Client.of(server)
        assert client.answer().result is ACCEPTED
        assert server.commands[3:6] == ["AUTH LOGIN", *client.login.responses]


def test_a_gateway_that_asks_again_for_a_response_gets_it() -> None:
    with SmtpServer(AUTH="334 ") as server:
        server.steps[PLAIN] = "235 2.7.0 Welcome"
        assert Client.of(server).answer().result is ACCEPTED
        assert server.commands[3:5] == [f"AUTH PLAIN {PLAIN}", PLAIN]


@pytest.mark.parametrize(
    ("offer", "content", "expected"),
    [
        ("8BITMIME", EIGHT_BIT, " BODY=8BITMIME"),
        ("8BITMIME\r\n250 SMTPUTF8", EIGHT_BIT, " BODY=8BITMIME"),
        ("8BITMIME\r\n250 SMTPUTF8", UTF8_HEADER, " BODY=8BITMIME SMTPUTF8"),
        ("8BITMIME", UTF8_HEADER, " BODY=8BITMIME"),
        ("8BITMIME\r\n250 SMTPUTF8", CONTENT, ""),
        ("SIZE", CONTENT, f" SIZE={len(CONTENT)}"),
        ("SIZE 0", CONTENT, f" SIZE={len(CONTENT)}"),
        ("SIZE many", CONTENT, f" SIZE={len(CONTENT)}"),
        (f"SIZE {len(CONTENT)}", CONTENT, f" SIZE={len(CONTENT)}"),
    ],
)
def test_parameters_say_what_the_message_needs_and_only_what_is_offered(
    offer: str, content: bytes, expected: str
) -> None:
    ehlo = f"250-gateway.test\r\n250-AUTH PLAIN\r\n250-{offer}".replace("\r\n250 ", "\r\n250-") + "\r\n250 HELP"
    with SmtpServer(SECURE_EHLO=ehlo) as server:
        assert Client.of(server).answer(content=content).result is ACCEPTED
        assert f"MAIL FROM:<{SENDER}>{expected}" in server.commands
        assert server.taken[0].content == content


@pytest.mark.parametrize(
    ("ehlo", "content", "status"),
    [
        (f"250-gateway.test\r\n250-AUTH PLAIN\r\n250 SIZE {len(CONTENT) - 1}", CONTENT, "5.3.4"),
        (PLAIN_EHLO, EIGHT_BIT, "5.6.3"),
    ],
)
def test_what_a_gateway_does_not_take_by_its_offers_is_permanent_and_not_sent(
    ehlo: str, content: bytes, status: str
) -> None:
    with SmtpServer(SECURE_EHLO=ehlo) as server:
        found = Client.of(server).answer(content=content)
        assert "MAIL" not in server.verbs
    assert (found.result, found.stage, found.status) == (PERMANENT, RelayStage.MAIL, status)


def test_addresses_in_utf8_go_where_they_are_offered() -> None:
    with SmtpServer() as server:
        answers = Client.of(server).relay("jürgen@bücher.example", sender="zoë@acme.test")
        assert [each.result for each in answers.values()] == [ACCEPTED]
        assert f"MAIL FROM:<zoë@acme.test> SIZE={len(CONTENT)} SMTPUTF8" in server.commands
        assert "RCPT TO:<jürgen@xn--bcher-kva.example>" in server.commands


def test_an_address_in_utf8_is_refused_alone_where_it_is_not_offered() -> None:
    with SmtpServer(SECURE_EHLO=PLAIN_EHLO) as server:
        client = Client.of(server)
        answers = client.relay("jürgen@partner.test", "ada@bücher.example", "a b@partner.test")
        assert [(each.result, each.status) for each in answers.values()] == [
            (PERMANENT, "5.6.7"),
            (ACCEPTED, "2.0.0"),
            (PERMANENT, "5.1.3"),
        ]
        assert server.taken[0].recipients == ["TO:<ada@xn--bcher-kva.example>"]
        assert client.relay(ADA, sender="zoë@acme.test")[ADA].status == "5.6.7"


@pytest.mark.parametrize(
    "recipient", ["x@y.test>\r\nRCPT TO:<eve@evil.test", "x@y.test\r\nDATA", "x@y.test> NOTIFY=NEVER"]
)
def test_no_address_adds_a_command_or_a_parameter(recipient: str) -> None:
    with SmtpServer() as server:
        assert Client.of(server).relay(recipient)[recipient].result is PERMANENT
        assert not {"RCPT", "DATA"} & set(server.verbs)


def test_a_session_is_used_again_after_rset() -> None:
    with SmtpServer() as server:
        client = Client.of(server)
        assert {send(client).result for _ in range(3)} == {ACCEPTED}
        client.relays.close()
        assert (server.connections, server.verbs.count("AUTH"), server.verbs.count("RSET")) == (1, 1, 2)


def test_a_session_is_used_again_after_a_refused_message() -> None:
    replies = iter(["550 5.1.1 None", "250 OK"])
    with SmtpServer(RCPT=lambda _: next(replies)) as server:
        client = Client.of(server)
        assert [send(client).result, send(client).result] == [PERMANENT, ACCEPTED]
        client.relays.close()
        assert server.connections == 1


@pytest.mark.parametrize("does", [hang_up, "421 4.4.2 Idle too long", "500 5.5.1 What"])
def test_a_session_that_the_gateway_has_ended_is_replaced(does: object) -> None:
    with SmtpServer(RSET=does) as server:  # type: ignore[arg-type]
        client = Client.of(server)
        assert [send(client).result, send(client).result] == [ACCEPTED, ACCEPTED]
        client.relays.close()
        assert server.connections == 2


def test_a_session_with_one_reply_too_many_is_not_used_again() -> None:
    """Every later reply would be taken for that to the next command, and so for another recipient's."""
    with SmtpServer(CONTENT="552 5.3.4 Too large\r\n250 2.0.0 OK") as server:
        client = Client.of(server)
        assert send(client).result is PERMANENT
        replies = iter(["550 5.1.1 None", "250 OK"])
        server.steps |= {"CONTENT": "250 OK", "RCPT": lambda _: next(replies)}
        answers = client.relay(ADA, BOB)
        assert {each: answer.result for each, answer in answers.items()} == {ADA: PERMANENT, BOB: ACCEPTED}
        assert server.connections == 2


def test_a_second_reply_that_comes_later_is_not_taken_for_that_to_the_next_command() -> None:
    was_read, was_said = Event(), Event()

    def refuse_and_accept(talk: Talk) -> None:
        talk.send("552 5.3.4 Too large")
        was_read.wait(5)
        talk.send("250 2.0.0 OK")
        was_said.set()

    with SmtpServer(CONTENT=refuse_and_accept) as server:
        client = Client.of(server)
        assert send(client).result is PERMANENT
        was_read.set()
        assert was_said.wait(5)
        time.sleep(0.2)  # TCP holds a small segment back until the one before it is acknowledged
        replies = iter(["550 5.1.1 None", "250 OK"])
        server.steps |= {"CONTENT": "250 OK", "RCPT": lambda _: next(replies)}
        answers = client.relay(ADA, BOB)
        assert {each: answer.result for each, answer in answers.items()} == {ADA: PERMANENT, BOB: ACCEPTED}


def test_a_positive_reply_before_the_end_of_the_content_is_none_to_it() -> None:
    """The message would count as sent, though the gateway has refused it."""
    with SmtpServer(DATA="354 Go on\r\n250 2.0.0 Queued", CONTENT="554 5.7.1 No") as server:
        found = Client.of(server).answer()
        assert (found.result, found.stage, found.status) == (TEMPORARY, RelayStage.DATA, "4.5.0")
        assert not server.taken
        assert not found.may_have_arrived


def test_a_refusal_before_the_end_of_the_content_is_the_answer() -> None:
    with SmtpServer(DATA="354 Go on\r\n552 5.3.4 Too large", CONTENT="250 2.0.0 Queued") as server:
        found = Client.of(server).answer()
        assert (found.result, found.diagnostic) == (PERMANENT, "552 5.3.4 Too large")
        assert not server.taken


def test_a_reply_before_its_command_ends_the_session() -> None:
    with SmtpServer(MAIL="250 2.1.0 OK\r\n250 2.1.5 OK", RCPT="550 5.1.1 None") as server:
        found = Client.of(server).answer()
        assert (found.result, found.stage, found.status) == (TEMPORARY, RelayStage.RCPT, "4.5.0")


def test_a_session_that_was_idle_for_too_long_is_replaced() -> None:
    with SmtpServer() as server:
        client = Client.of(server)
        for gap in (0, IDLE_S, IDLE_S + 1):
            client.now += gap
            assert send(client).result is ACCEPTED
        client.relays.close()
        assert server.connections == 2


def test_a_session_takes_a_limited_number_of_messages() -> None:
    with SmtpServer() as server:
        client = Client.of(server)
        for _ in range(MAX_MESSAGES + 1):
            assert send(client).result is ACCEPTED
        client.relays.close()
        assert server.connections == 2


@pytest.mark.parametrize("change", [{"organization_id": OTHER}, {"user_name": "other"}, {"id": "g-2"}, {"name": "New"}])
def test_a_session_belongs_to_one_gateway_of_one_organization_as_it_is(change: dict[str, str]) -> None:
    with SmtpServer() as server:
        client = Client.of(server)
        assert send(client).result is ACCEPTED
        other = replace(client.gateway, **change)  # type: ignore[arg-type]
        sealed = client.passwords.seal(PASSWORD, other.organization_id, other.id)
        client.relays.relay(replace(other, sealed_password=sealed), SENDER, [ADA], CONTENT)
        client.relays.close()
        assert (server.connections, server.verbs.count("AUTH")) == (2, 2)


def test_few_sessions_are_kept() -> None:
    with SmtpServer() as server:
        client = Client.of(server)
        gateways = [replace(client.gateway, name=f"n{number}") for number in range(MAX_KEPT + 1)]
        for gateway in (*gateways, gateways[-1], gateways[0]):
            assert client.relays.relay(gateway, SENDER, [ADA], CONTENT)[ADA].result is ACCEPTED
        client.relays.close()
        assert server.connections == MAX_KEPT + 2


def test_a_session_is_not_used_again_after_421() -> None:
    replies = iter(["421 4.3.2 Closing", "250 OK"])
    with SmtpServer(CONTENT=lambda _: next(replies)) as server:
        client = Client.of(server)
        assert [send(client).result, send(client).result] == [TEMPORARY, ACCEPTED]
        client.relays.close()
        assert server.connections == 2


@pytest.mark.parametrize("step", ["GREETING", "EHLO", "STARTTLS", "SECURE EHLO", "AUTH"])
def test_a_gateway_that_cannot_be_used_rests_and_is_then_tried_again(step: str) -> None:
    with SmtpServer.but(step, "454 4.7.0 Not now") as server:
        client = Client.of(server)
        first = send(client)
        client.now += REST_S - 1
        assert send(client) == first
        assert server.connections == 1
        server.steps[step] = STEPS[step]
        client.now += 1
        assert send(client).result is ACCEPTED
        client.relays.close()
        assert server.connections == 2


def test_a_corrected_gateway_is_tried_at_once() -> None:
    with SmtpServer(AUTH="535 5.7.8 No") as server:
        client = Client.of(server)
        assert send(client).stage is RelayStage.AUTH
        server.steps["AUTH"] = STEPS["AUTH"]
        client.gateway = replace(
            client.gateway, sealed_password=client.passwords.seal(PASSWORD, client.gateway.organization_id, "g-1")
        )
        assert send(client).result is ACCEPTED
        client.relays.close()


def test_a_failure_of_one_message_is_no_reason_to_rest() -> None:
    replies = iter(["451 4.3.0 Busy", "550 5.7.1 No", "250 OK"])
    with SmtpServer(MAIL=lambda _: next(replies)) as server:
        client = Client.of(server)
        assert [send(client).result for _ in range(3)] == [TEMPORARY, PERMANENT, ACCEPTED]
        client.relays.close()


@pytest.mark.parametrize("step", ["GREETING", "MAIL", "RCPT", "DATA", "CONTENT"])
def test_a_gateway_that_takes_long_to_fail_rests_for_longer(step: str) -> None:
    """Else one gateway that hangs would keep every environment from the mail of others."""
    with SmtpServer() as server:
        client = Client.of(server)

        def hang_up_late(talk: Talk) -> str:
            client.now += REST_S
            return hang_up(talk)

        server.steps[step] = hang_up_late
        first = send(client)
        assert first.may_have_arrived == (step == "CONTENT")
        client.now += REST_SHARE * REST_S - 1
        other = send(client)
        assert (other.result, other.text, other.may_have_arrived) == (
            TEMPORARY,
            "The gateway ended the connection.",
            False,
        )
        assert server.connections == 1
        server.steps[step] = STEPS[step]
        client.now += 1
        assert send(client).result is ACCEPTED
        client.relays.close()


def test_the_only_repeat_is_the_one_after_a_lost_answer() -> None:
    """The answer to the content was lost: the message is there, and the next attempt repeats it (RFC 1047)."""
    with SmtpServer(CONTENT=hang_up) as server:
        client = Client.of(server)
        lost = send(client)
        assert (lost.result, lost.may_have_arrived) == (TEMPORARY, True)
        assert lost.text == "The gateway ended the connection. The message may have arrived."
        server.steps["CONTENT"] = STEPS["CONTENT"]
        assert send(client).result is ACCEPTED
        client.relays.close()
