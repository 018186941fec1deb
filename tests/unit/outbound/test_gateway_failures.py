"""What SMTP gateways do wrong: each failure ends as the table of docs/decisions/0053 says, and in time."""

from __future__ import annotations

import socket
import ssl
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from postroom.model.relay_answers import RelayAnswer, RelayResult, RelayStage
from tests.support.ews_servers import DAY, NOW, Authority, authority, self_signed
from tests.support.smtp_servers import PASSWORD, PLAIN, STEPS, SmtpServer, drip, hang, hang_up
from tests.unit.outbound.gateway_harness import ADA, BOB, QUICK, Client

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.smtp_servers import Step, Talk

pytestmark = pytest.mark.timeout(30)  # none may wait for the real deadlines

ACCEPTED, TEMPORARY, PERMANENT = RelayResult
DATA = RelayStage.DATA

BEFORE_MAIL = ["GREETING", "EHLO", "STARTTLS", "SECURE EHLO", "AUTH"]
OF_THE_MESSAGE = ["MAIL", "RCPT", "DATA", "CONTENT"]
STAGES = {
    "GREETING": RelayStage.GREETING,
    "EHLO": RelayStage.EHLO,
    "STARTTLS": RelayStage.TLS,
    "SECURE EHLO": RelayStage.EHLO,
    "AUTH": RelayStage.AUTH,
    "MAIL": RelayStage.MAIL,
    "RCPT": RelayStage.RCPT,
    "DATA": DATA,
    "CONTENT": DATA,
}


def answer(step: str, does: Step, client: Callable[[SmtpServer], Client] = Client.of) -> RelayAnswer:
    """The answer of a gateway that is good but for one step."""
    with SmtpServer.but(step, does) as server:
        found = client(server).answer()
        assert not server.taken or found.may_have_arrived or found.result is ACCEPTED
    assert PASSWORD not in found.text
    return found


def quick(server: SmtpServer) -> Client:
    return Client.of(server, QUICK)


@pytest.mark.parametrize("step", [*BEFORE_MAIL, *OF_THE_MESSAGE])
def test_a_4xx_reply_at_any_verb_is_temporary(step: str) -> None:
    found = answer(step, "451 4.3.2 Come back later")
    assert (found.result, found.stage) == (TEMPORARY, STAGES[step])
    assert not found.may_have_arrived
    if step != "AUTH":  # replies to a login are not quoted
        assert found.diagnostic == "451 4.3.2 Come back later"


@pytest.mark.parametrize("step", BEFORE_MAIL)
def test_a_5xx_reply_before_mail_is_about_the_gateway_and_temporary(step: str) -> None:
    found = answer(step, "554 5.7.1 Go away")
    assert (found.result, found.stage, found.status[0]) == (TEMPORARY, STAGES[step], "4")
    assert found.stage.is_of_gateway


@pytest.mark.parametrize("step", OF_THE_MESSAGE)
def test_a_5xx_reply_from_mail_on_is_permanent(step: str) -> None:
    found = answer(step, "554 5.7.1 Go away")
    assert (found.result, found.stage, found.diagnostic) == (PERMANENT, STAGES[step], "554 5.7.1 Go away")


@pytest.mark.parametrize("step", [*BEFORE_MAIL, *OF_THE_MESSAGE])
@pytest.mark.parametrize("does", [hang, hang_up, drip])
def test_silence_and_hanging_up_at_any_step_end_in_time_and_are_temporary(step: str, does: Step) -> None:
    found = answer(step, does, quick)
    assert (found.result, found.stage) == (TEMPORARY, STAGES[step])
    assert found.may_have_arrived is (step == "CONTENT")
    expected = "The gateway ended the connection." if does is hang_up else "The gateway did not answer in time."
    assert found.text.startswith(expected)
    assert (found.code, found.status) == (0, "4.4.2")


@pytest.mark.parametrize("step", [*BEFORE_MAIL, *OF_THE_MESSAGE])
@pytest.mark.parametrize("does", ["Hello, this is HTTP", "250-\r\n550 both", "x" * 9000, "25"])
def test_what_is_no_reply_is_temporary_and_not_quoted(step: str, does: str) -> None:
    found = answer(step, does)
    assert (found.result, found.stage) == (TEMPORARY, STAGES[step])
    assert found.text.startswith("The gateway sent something that is no reply of SMTP.")
    assert found.may_have_arrived is (step == "CONTENT")


@pytest.mark.parametrize("lines", ["250-more\r\n" * 200, "250-" + "x" * 100_000])
def test_a_reply_without_an_end_is_not_read_on(lines: str) -> None:
    def go_on(talk: Talk) -> None:
        talk.connection.send(lines.encode())
        hang(talk)

    found = answer("EHLO", go_on)
    assert found.text == "The gateway sent something that is no reply of SMTP."


@pytest.mark.parametrize("step", [*BEFORE_MAIL, "DATA"])
def test_a_positive_reply_that_does_not_belong_there_is_temporary(step: str) -> None:
    found = answer(step, "334 Go on" if step in ("GREETING", "EHLO", "STARTTLS", "SECURE EHLO") else "250 OK")
    assert (found.result, found.stage) == (TEMPORARY, STAGES[step])


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "CONTENT"])
def test_an_intermediate_reply_that_does_not_belong_there_is_temporary(step: str) -> None:
    found = answer(step, "354 Go on")
    assert (found.result, found.stage) == (TEMPORARY, STAGES[step])


@pytest.mark.parametrize("code", [530, 534, 535, 538])
def test_a_reply_to_mail_that_asks_for_a_login_is_about_the_gateway(code: int) -> None:
    assert answer("MAIL", f"{code} 5.7.0 Log in first").result is TEMPORARY


def test_421_for_one_recipient_is_the_answer_of_all_that_have_none() -> None:
    replies = iter(["550 5.1.1 None", "250 OK", "421 4.3.2 Closing"])
    with SmtpServer(RCPT=lambda _: next(replies)) as server:
        answers = Client.of(server).relay("eve@partner.test", ADA, BOB, "joe@partner.test")
        assert server.verbs.count("RCPT") == 3
        assert "DATA" not in server.verbs
    assert [each.result for each in answers.values()] == [PERMANENT, TEMPORARY, TEMPORARY, TEMPORARY]
    assert {each.code for each in list(answers.values())[1:]} == {421}


def test_a_connection_that_ends_between_recipients_loses_none() -> None:
    replies = iter(["250 OK"])

    def once(talk: Talk) -> str:
        return next(replies, None) or hang_up(talk)

    with SmtpServer(RCPT=once) as server:
        answers = Client.of(server).relay(ADA, BOB)
    assert {each.result for each in answers.values()} == {TEMPORARY}
    assert not any(each.may_have_arrived for each in answers.values())


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("552 Too many recipients", TEMPORARY),
        ("552 5.5.3 Too many recipients", TEMPORARY),
        ("552 5.2.2 Mailbox full", PERMANENT),
        ("452 4.5.3 Too many recipients", TEMPORARY),
    ],
)
def test_552_after_an_accepted_recipient_means_too_many(reply: str, expected: RelayResult) -> None:
    replies = iter(["250 OK", reply])
    with SmtpServer(RCPT=lambda _: next(replies)) as server:
        answers = Client.of(server).relay(ADA, BOB)
    assert (answers[ADA].result, answers[BOB].result) == (ACCEPTED, expected)
    assert answers[BOB].status[0] == ("4" if expected is TEMPORARY else "5")


def test_552_for_the_first_recipient_is_permanent() -> None:
    assert answer("RCPT", "552 Mailbox full").result is PERMANENT


def test_an_accepted_recipient_has_the_answer_to_the_content_and_a_refused_one_its_own() -> None:
    replies = iter(["250 OK", "550 5.1.1 None", "451 4.2.1 Busy"])
    with SmtpServer(RCPT=lambda _: next(replies), CONTENT="552 5.3.4 Too large") as server:
        answers = Client.of(server).relay(ADA, BOB, "eve@partner.test")
    assert [each.diagnostic for each in answers.values()] == [
        "552 5.3.4 Too large",
        "550 5.1.1 None",
        "451 4.2.1 Busy",
    ]


LARGE = b"x" * 70 + b"\r\n"


def test_a_gateway_that_stops_reading_content_is_left_in_time_and_has_no_message() -> None:
    with SmtpServer() as server:

        def stop_reading(talk: Talk) -> str:
            talk.send("354 Go on")
            hang(talk)
            return ""

        server.steps["DATA"] = stop_reading
        found = Client.of(server, QUICK).answer(content=LARGE * 150_000)
    assert (found.result, found.stage, found.may_have_arrived) == (TEMPORARY, DATA, False)
    assert found.text == "The gateway did not answer in time."


@pytest.mark.parametrize(
    ("reply", "expected"), [("552 5.3.4 Too large", PERMANENT), ("452 4.3.1 Disk full", TEMPORARY)]
)
def test_a_refusal_in_the_middle_of_the_content_is_its_answer(reply: str, expected: RelayResult) -> None:
    def refuse(talk: Talk) -> str:
        talk.send(f"354 Go on\r\n{reply}")
        hang(talk)
        return ""

    with SmtpServer(DATA=refuse) as server:
        found = Client.of(server, QUICK).answer(content=LARGE * 150_000)
    assert (found.result, found.diagnostic, found.may_have_arrived) == (expected, reply, False)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("250-gateway.test\r\n250 PIPELINING", "The gateway does not offer STARTTLS."),
        ("250 gateway.test", "The gateway does not offer STARTTLS."),
    ],
)
def test_without_starttls_nothing_is_sent(said: str, expected: str) -> None:
    with SmtpServer(EHLO=said) as server:
        found = Client.of(server).answer()
        assert server.verbs == ["EHLO"]
    assert (found.result, found.stage, found.text) == (TEMPORARY, RelayStage.TLS, expected)


def test_bytes_that_follow_the_reply_to_starttls_in_the_clear_do_not_count() -> None:
    with SmtpServer(STARTTLS="220 Go ahead\r\n250-injected\r\n250 AUTH PLAIN") as server:
        found = Client.of(server).answer()
        assert server.verbs[:2] == ["EHLO", "STARTTLS"]
        assert not [command for command in server.commands if command.startswith(("AUTH", "MAIL"))]
    assert (found.result, found.stage) == (TEMPORARY, RelayStage.TLS)


@pytest.mark.parametrize("said", ["250 gateway.test", "250-gateway.test\r\n250 AUTH CRAM-MD5 XOAUTH2"])
def test_without_basic_authentication_nothing_is_sent(said: str) -> None:
    with SmtpServer(SECURE_EHLO=said) as server:
        found = Client.of(server).answer()
        assert "MAIL" not in server.verbs
    assert (found.result, found.stage) == (TEMPORARY, RelayStage.AUTH)
    assert found.text == "The gateway does not offer AUTH with PLAIN or LOGIN."


def test_offers_in_the_clear_do_not_count_after_tls() -> None:
    with SmtpServer(EHLO=f"{STEPS['EHLO']}".replace("250 STARTTLS", "250-AUTH PLAIN\r\n250 STARTTLS")) as server:
        server.steps["SECURE EHLO"] = "250 gateway.test"
        assert Client.of(server).answer().stage is RelayStage.AUTH
        assert "AUTH" not in server.verbs


@pytest.mark.parametrize("code", [535, 534, 538, 554])
def test_a_wrong_password_is_temporary_and_said_without_the_gateways_words(code: int) -> None:
    found = answer("AUTH", f"{code} 5.7.8 Your password {PASSWORD} is wrong")
    assert (found.result, found.stage, found.status) == (TEMPORARY, RelayStage.AUTH, "4.7.8")
    assert found.diagnostic == f"{code} 4.7.8 The gateway refused the user name or the password."


@pytest.mark.parametrize("secret", [PASSWORD, PLAIN])
@pytest.mark.parametrize("step", OF_THE_MESSAGE)
def test_a_reply_that_repeats_the_password_is_not_quoted(step: str, secret: str) -> None:
    found = answer(step, f"550 5.7.1 You said {secret}")
    assert secret not in found.text
    assert (found.result, found.code) == (PERMANENT, 550)


def expired() -> ssl.SSLContext:
    return authority().context("localhost", end=NOW - DAY / 2)


def _old_tls() -> ssl.SSLContext:
    context = authority().context("localhost")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


CERTIFICATES: dict[str, Callable[[], ssl.SSLContext]] = {
    "expired": expired,
    "self-signed": lambda: self_signed("localhost"),
    "another authority": lambda: Authority.new().context("localhost"),
    "wrong name": lambda: authority().context("other.test", "127.0.0.1"),
    "old TLS": _old_tls,
}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("kind", CERTIFICATES)
def test_a_gateway_that_cannot_prove_its_name_gets_no_password_and_no_mail(kind: str, *, implicit: bool) -> None:
    with SmtpServer(CERTIFICATES[kind](), implicit=implicit) as server:
        client = Client(server.port, is_implicit=implicit)
        found = client.answer()
        assert not {"AUTH", "MAIL"} & set(server.verbs)
    assert (found.result, found.stage, found.status) == (TEMPORARY, RelayStage.TLS, "4.7.5")
    assert {
        "expired": "certificate has expired",
        "self-signed": "self-signed certificate",
        "another authority": "certificate signature failure",
        "wrong name": "certificate is not valid for 'localhost'",
        "old TLS": "TLS with the gateway failed",
    }[kind] in found.text


def test_an_authority_of_the_owner_counts_for_listed_gateways_only() -> None:
    """Without a list the address is not public, so this is asked of the context itself."""
    with SmtpServer() as server:
        client = Client(server.port)
        other = replace(client.gateway, host="relay.example.net")
        assert client.relays._tls(client.gateway) is not client.relays._tls(other)
        assert authority().pem not in [
            ssl.DER_cert_to_PEM_cert(der) for der in client.relays._tls(other).get_ca_certs(binary_form=True)
        ]


def test_a_refused_connection_is_temporary() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    found = Client(port).answer()
    assert (found.result, found.stage, found.status) == (TEMPORARY, RelayStage.CONNECT, "4.4.1")
    assert found.text == "The gateway cannot be reached: connection refused."


def test_a_connection_that_is_not_taken_is_given_up_in_time() -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as listener,
        socket.socket() as first,
        socket.socket() as full,
    ):
        port = listener.getsockname()[1]
        for waiting in (first, full):  # the system drops what comes when none is accepted
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        found = Client(port, deadlines=QUICK).answer()
    assert (found.result, found.stage, found.status) == (TEMPORARY, RelayStage.CONNECT, "4.4.1")
    assert found.text == "The gateway did not take the connection in time."


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize(
    ("does", "expected"),
    [(hang, "The gateway did not answer in time."), (hang_up, "The gateway ended the connection.")],
)
def test_a_handshake_that_does_not_end_is_left_in_time(does: Step, expected: str, *, implicit: bool) -> None:
    def talk_in_the_clear(talk: Talk) -> str:
        talk.send("220 Go ahead")
        assert callable(does)
        return does(talk) or ""

    with SmtpServer() as server:
        server.steps["GREETING" if implicit else "STARTTLS"] = does if implicit else talk_in_the_clear
        found = Client(server.port, deadlines=QUICK, is_implicit=implicit).answer()
    assert (found.result, found.stage, found.status) == (TEMPORARY, RelayStage.TLS, "4.4.2")
    assert found.text == expected


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fe80::1%lo", "::ffff:127.0.0.1", "100.64.0.1"]
)
def test_a_name_that_leads_into_a_private_network_is_not_connected_to(address: str) -> None:
    with SmtpServer() as server:
        found = Client(server.port, host="relay.example.net", addresses=[address], is_listed=False).answer()
        assert server.connections == 0
    assert (found.result, found.stage) == (TEMPORARY, RelayStage.SETTINGS)
    assert found.text == "The gateway's host has no address on the public internet."


def test_a_name_is_resolved_once_for_a_connection_and_judged_by_what_is_connected_to() -> None:
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    with SmtpServer() as server:
        client = Client(server.port)
        client.relays._resolve = lambda *_: next(answers)
        assert client.answer().result is ACCEPTED
        assert next(answers) == ["169.254.169.254"]


def test_a_name_without_an_address_is_temporary() -> None:
    client = Client(587)
    client.relays._resolve = _unknown
    found = client.answer()
    assert (found.result, found.stage, found.status) == (TEMPORARY, RelayStage.DNS, "4.4.3")


def _unknown(*_: object) -> list[str]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_a_resolver_that_hangs_is_left_behind() -> None:
    released = threading.Event()
    client = Client(587, deadlines=QUICK)
    client.relays._resolve = lambda *_: [str(released.wait(20))]
    found = client.answer()
    released.set()
    assert (found.result, found.stage) == (TEMPORARY, RelayStage.DNS)
    assert found.text == "The gateway's host could not be resolved in time."


def test_a_second_address_is_tried_if_the_first_takes_no_connection() -> None:
    with SmtpServer() as server:
        client = Client(server.port, addresses=["127.0.0.2", "127.0.0.1"], host="localhost")
        assert client.answer().result is ACCEPTED
        assert server.connections == 1


def test_a_refused_login_is_not_tried_at_another_address() -> None:
    with SmtpServer(AUTH="535 5.7.8 No", host="0.0.0.0") as server:  # noqa: S104
        client = Client(server.port, addresses=["127.0.0.1", "127.0.0.2"])
        assert client.answer().stage is RelayStage.AUTH
        assert server.connections == 1


def test_the_whole_has_an_end_though_each_step_is_in_time() -> None:
    deadlines = replace(QUICK, command_s=60, total_s=0.5)
    with SmtpServer(MAIL=drip) as server:
        found = Client.of(server, deadlines).answer()
    assert (found.result, found.text) == (TEMPORARY, "The gateway did not answer in time.")


def test_a_password_that_cannot_be_decrypted_is_temporary_and_nothing_is_sent() -> None:
    with SmtpServer() as server:
        client = Client.of(server)
        client.passwords.disabled = True
        found = client.answer()
        assert "AUTH" not in server.verbs
    assert (found.result, found.stage) == (TEMPORARY, RelayStage.SETTINGS)
    assert found.text == "The gateway's password cannot be decrypted."
