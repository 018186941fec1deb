"""The ports of submission in this process, with sessions of smtplib and of sockets; behind them one organization."""

from __future__ import annotations

import base64
import contextlib
import json
import smtplib
import socket
import ssl
import stat
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from local.mail import submission_port, submission_program
from local.mail.certificate import certificate_for
from local.mail.services import Service
from postroom.errors import StoreUnavailableError, SubmissionRefusedError
from postroom.smtp import replies
from postroom.submission.submission import Refusal
from tests.support.logins import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.submission_front import Port


ADA = "ada@acme.example"
PLAIN = base64.b64encode(f"\0{ADA}\0{PASSWORD}".encode()).decode()
MAIL = b"From: ada@acme.example\r\nSubject: secret plan\r\n\r\nHello\r\n"


@pytest.fixture(params=list(Service))
def service(request: pytest.FixtureRequest) -> Service:
    """Each way to TLS: everything behind it must be the same."""
    return Service(request.param)


@pytest.fixture
def client(port: Port, service: Service) -> Iterator[smtplib.SMTP]:
    """A client that is logged in."""
    with port.secured(service) as made:
        assert made.docmd("AUTH", f"PLAIN {PLAIN}")[0] == 235
        yield made


def said(answer: tuple[int, bytes]) -> str:
    return f"{answer[0]} {answer[1].decode()}"


def test_before_tls_there_is_nothing_but_starttls(port: Port) -> None:
    with port.connected() as client:
        client.ehlo("client.example")
        assert client.esmtp_features.keys() == {"size", "8bitmime", "smtputf8", "starttls", "help"}
        assert client.esmtp_features["size"] == str(40 << 20)
        commands = ("AUTH PLAIN " + PLAIN, "MAIL FROM:<ada@acme.example>", "HELO x", "VRFY ada", "DATA")
        assert {client.docmd(each)[0] for each in commands} == {530}
    assert (port.trail.records, port.logins.passwords.compared) == ([], 0)


def test_behind_tls_logins_are_offered_and_nothing_else_goes_without_one(port: Port, service: Service) -> None:
    with port.secured(service) as client:
        assert client.esmtp_features.keys() == {"size", "8bitmime", "smtputf8", "auth", "help"}
        assert client.esmtp_features["auth"].split() == ["PLAIN", "LOGIN"]
        assert client.docmd("STARTTLS")[0] == 503
        assert {client.docmd(each)[0] for each in ("MAIL FROM:<a@b.example>", "RCPT TO:<a@b.example>")} == {530}
        assert client.docmd("DATA")[0] == 530


def test_commands_that_come_with_starttls_are_dropped(port: Port) -> None:
    """A man in the middle must not put commands in front of the client's (RFC 3207, 4.2; CVE-2011-0411)."""
    with port.connected() as client:
        client.ehlo("client.example")
        client.send(b"STARTTLS\r\nEHLO evil.example\r\nAUTH LOGIN\r\n")
        assert client.getreply()[0] == 220
        assert client.sock is not None
        client.sock = port.trust.wrap_socket(client.sock, server_hostname="127.0.0.1")
        client.file = None
        assert said(client.docmd("AUTH", "LOGIN")) == "503 Error: send EHLO first"


@pytest.mark.parametrize(("newest", "agreed"), [("TLSv1_1", None), ("TLSv1_2", "TLSv1.2"), ("TLSv1_3", "TLSv1.3")])
def test_tls_is_1_2_or_newer(port: Port, service: Service, newest: str, agreed: str | None) -> None:
    port.trust.set_ciphers("ALL:@SECLEVEL=0")  # of the client: as one with an old OpenSSL has it
    with warnings.catch_warnings():  # these versions are deprecated
        warnings.simplefilter("ignore")
        port.trust.minimum_version, port.trust.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion[newest]
    if agreed is None:
        with pytest.raises((ssl.SSLError, OSError)), port.secured(service):
            pass
    else:
        with port.secured(service) as client:
            assert isinstance(client.sock, ssl.SSLSocket)
            assert client.sock.version() == agreed


@pytest.mark.parametrize("method", ["auth_plain", "auth_login"])
@pytest.mark.parametrize("initial", [True, False])
def test_smtplib_logs_in_by_each_mechanism(port: Port, service: Service, method: str, initial: bool) -> None:
    password = "Correct-Horse-9"  # smtplib writes ASCII alone
    port.logins.add(port.logins.person("bob"), password)
    with port.secured(service) as client:
        client.user, client.password = "bob@acme.example", password
        mechanism = method.removeprefix("auth_").upper()
        assert client.auth(mechanism, getattr(client, method), initial_response_ok=initial)[0] == 235
        assert client.docmd("AUTH", f"PLAIN {PLAIN}")[0] == 503, "once"


@pytest.mark.parametrize(
    ("argument", "answer"),
    [
        ("", "504 5.5.4"),
        ("CRAM-MD5", "504 5.5.4"),
        ("PLAIN ====", "501 5.5.2"),
        ("PLAIN é", "501 5.5.2"),
        ("PLAIN =", "535 5.7.8"),
        (f"plain {PLAIN}", "235 2.7.0"),
        ("PLAIN " + base64.b64encode(b"x" * 9000).decode(), "535 5.7.8"),
        ("PLAIN " + "A" * 13_000, "500 Command line too long"),
    ],
)
def test_what_is_no_login_says_so(port: Port, argument: str, answer: str) -> None:
    with port.secured() as client:
        client.command_encoding = "utf-8"
        assert said(client.docmd("AUTH", argument)).startswith(answer)
        assert client.noop()[0] == 250


def test_a_client_may_give_up_a_login(port: Port) -> None:
    with port.secured() as client:
        assert client.docmd("AUTH", "LOGIN") == (334, base64.b64encode(b"Username:"))
        assert client.docmd("*")[0] == 501
        assert client.docmd("AUTH", "LOGIN " + base64.b64encode(ADA.encode()).decode())[0] == 334
        assert client.docmd("no base64")[0] == 501
        assert client.docmd("AUTH", f"PLAIN {PLAIN}")[0] == 235


def test_the_third_wrong_password_ends_the_connection(port: Port, service: Service) -> None:
    with port.secured(service) as client:
        wrong = base64.b64encode(f"\0{ADA}\0secret-guess".encode()).decode()
        assert [client.docmd("AUTH", f"PLAIN {wrong}")[0] for _ in range(3)] == [535, 535, 421]
        with pytest.raises((smtplib.SMTPServerDisconnected, OSError)):
            client.noop()
    assert len(port.lines) == 3
    assert "secret" not in str(port.lines) + str(port.trail.records)


ODD = [
    b".\r\n..\r\nno header field and dots\r\n.x\r\n",
    b"Subject: bare\n.line feeds\n\nand\rcarriage returns\r\n",
    b"Subject: j\xfcrgen\r\n\r\n\xff\xfe\x00" + b"x" * 5000 + b"\r\n",
    b"Subject: no end of line",
    b"",
]


@pytest.mark.parametrize("content", ODD)
def test_every_byte_of_a_message_is_handed_on(port: Port, client: smtplib.SMTP, content: bytes) -> None:
    client.sendmail(ADA, ["carl@example.org"], content, ["BODY=8BITMIME"])
    whole = content if content.endswith(b"\r\n") else content + b"\r\n"  # smtplib's end
    assert [each.content for each in port.submits.taken] == [whole]


def test_both_forms_of_a_recipient_are_one(port: Port, client: smtplib.SMTP) -> None:
    client.command_encoding = "utf-8"
    client.mail(ADA, ["SMTPUTF8", "SIZE=100"])
    for text in ("carl@bücher.example", "carl@xn--bcher-kva.example", "Carl@bücher.example", "jürgen@example.org"):
        assert client.rcpt(text)[0] == 250
    assert client.data(MAIL)[0] == 250
    [taken] = port.submits.taken
    both = ("carl@xn--bcher-kva.example", "Carl@xn--bcher-kva.example")  # submit knows whether they are one
    assert taken.recipients == (*both, "jürgen@example.org")
    assert taken.source_ip == "127.0.0.1"


def test_raw_utf_8_is_taken_from_clients_that_do_not_announce_it(port: Port, client: smtplib.SMTP) -> None:
    """swaks, msmtp and nodemailer send it."""
    client.mail(ADA)
    client.send("RCPT TO:<carl@bücher.example>\r\n".encode())
    assert client.getreply()[0] == 250
    client.send(b"RCPT TO:<j\xfcrgen@example.org>\r\n")
    assert client.getreply()[0] == 553


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("MAIL FROM:<>", 250),
        ("MAIL FROM:<ada@acme.example> AUTH=<> BODY=8BITMIME", 250),
        ("MAIL FROM:<ada@acme.example> SIZE=41943041", 552),
        ("MAIL FROM:<ada@acme.example> SIZE=41943040", 250),
        ("MAIL FROM:<ada@acme.example> RET=HDRS", 555),
        ("MAIL FROM:<ada@", 553),
        ("RCPT TO:<carl@example.org>", 503),
        ("DATA", 503),
        ("BDAT 5 LAST", 500),
        ("VRFY carl@example.org", 252),
        ("EXPN all", 502),
    ],
)
def test_commands_outside_of_a_message_and_parameters(client: smtplib.SMTP, command: str, code: int) -> None:
    assert client.docmd(command)[0] == code


@pytest.mark.parametrize("path", ["<postmaster>", "<carl@localhost>", "<carl@example.org", "<>"])
def test_a_recipient_that_is_none_leaves_the_others(port: Port, client: smtplib.SMTP, path: str) -> None:
    client.mail(ADA)
    assert client.docmd(f"RCPT TO:{path}")[0] == 553
    assert client.docmd("DATA")[0] == 503
    assert client.rcpt("carl@example.org")[0] == 250
    assert client.data(MAIL)[0] == 250
    assert [each.recipients for each in port.submits.taken] == [("carl@example.org",)]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SubmissionRefusedError(Refusal.NOT_ALLOWED, "the user has no permission to send in this name"), 550),
        (SubmissionRefusedError(Refusal.QUOTA_EXCEEDED, "more recipients than a day has"), 452),
        (StoreUnavailableError("no answer"), 451),
        (RuntimeError("secret plan"), 451),
    ],
)
def test_after_a_refusal_the_next_message_begins_anew(
    port: Port, client: smtplib.SMTP, capsys: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    port.submits.error = error
    with pytest.raises(smtplib.SMTPDataError, match=str(code)):
        client.sendmail(ADA, ["refused@example.org"], MAIL)
    port.submits.error = None
    assert client.rcpt("carl@example.org")[0] == 503
    client.sendmail(ADA, ["carl@example.org"], MAIL)
    assert [each.recipients for each in port.submits.taken] == [("carl@example.org",)]
    written = str(port.lines) + "".join(capsys.readouterr())
    assert "secret plan" not in written
    assert "example.org" not in written


def test_an_access_rule_that_denies_is_told(port: Port, service: Service) -> None:
    port.deny(actions=("SMTP",))
    with port.secured(service) as client:
        assert said(client.docmd("AUTH", f"PLAIN {PLAIN}")).startswith("550 5.7.1 Access denied")
        assert client.mail(ADA)[0] == 530


def test_without_its_records_nothing_is_answered_as_done(port: Port) -> None:
    port.trail.away = True
    with port.secured() as client:
        assert client.docmd("AUTH", f"PLAIN {PLAIN}")[0] == 454
        port.trail.away = False
        assert client.docmd("AUTH", f"PLAIN {PLAIN}")[0] == 235


def test_a_login_that_is_too_old_ends_the_connection(port: Port, client: smtplib.SMTP) -> None:
    port.logins.now_ms += 3_600_000
    assert said(client.mail(ADA)) == replies.LOGIN_TOO_OLD
    with pytest.raises((smtplib.SMTPServerDisconnected, OSError)):
        client.noop()


def test_a_message_that_is_too_large_is_read_to_its_end(
    port: Port, client: smtplib.SMTP, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.mail.smtp_protocol.MAX_MESSAGE_BYTES", 1000)
    with pytest.raises(smtplib.SMTPDataError, match="552"):
        client.sendmail(ADA, ["carl@example.org"], MAIL + b"x" * 100_000)
    client.sendmail(ADA, ["carl@example.org"], MAIL)
    assert len(port.submits.taken) == 1


@pytest.mark.parametrize("first", Service)
def test_connections_beyond_the_limit_of_both_ports_come_later(
    port: Port, service: Service, first: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission_port, "MAX_CONNECTIONS", 1)
    with port.secured(first), pytest.raises(smtplib.SMTPConnectError, match=r"421.*4\.7\.0"), port.secured(service):
        pass
    with contextlib.ExitStack() as stack:
        for _ in range(1000):  # until the server has seen that the first one left
            with contextlib.suppress(smtplib.SMTPException, OSError):
                stack.enter_context(port.secured(service))
                return
    pytest.fail("no connection was taken again")


def test_a_connection_that_says_nothing_ends(port: Port, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission_port, "IDLE_SECONDS", 0.01)
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(socket.create_connection(port.address(service), timeout=30))
        if service is Service.SUBMISSIONS:
            connection = stack.enter_context(port.trust.wrap_socket(connection, server_hostname="localhost"))
        assert connection.makefile("rb").read().splitlines()[-1] == b"421 4.4.2 Timeout"


def test_a_message_that_takes_too_long_ends_and_is_not_submitted(
    port: Port, client: smtplib.SMTP, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission_port, "DATA_SECONDS", 0.0)
    client.mail(ADA)
    client.rcpt("carl@example.org")
    assert client.docmd("DATA")[0] == 354
    client.send(b"Subject: x\r\n")
    assert said(client.getreply()) == "421 4.4.2 Timeout"
    assert port.submits.taken == []


def test_a_client_that_leaves_within_a_message_has_sent_nothing(port: Port, service: Service) -> None:
    with contextlib.suppress(smtplib.SMTPServerDisconnected), port.secured(service) as client:
        client.docmd("AUTH", f"PLAIN {PLAIN}")
        client.mail(ADA)
        client.rcpt("carl@example.org")
        assert client.docmd("DATA")[0] == 354
        client.send(MAIL + b"QUIT\r\n")
        client.close()
    port.server.close()
    assert port.submits.taken == []


def test_the_commands_of_one_client_leave_the_limits_of_others(port: Port) -> None:
    """aiosmtpd's own limits are one table for all (findings/aiosmtpd-shares-command-limits.sh)."""
    padding = "SIZE=" + "0" * 4000
    with port.secured() as first, port.secured(Service.SUBMISSIONS) as second:
        for client in (first, second, first):
            assert client.docmd("AUTH", f"PLAIN {PLAIN}")[0] in (235, 503)
            assert client.docmd(f"MAIL FROM:<{ADA}> {padding}")[0] == 250
            client.rset()


def test_a_certificate_is_kept_until_it_is_old_or_for_other_hosts(tmp_path: Path) -> None:
    certificate, key = certificate_for(["localhost", "127.0.0.1"], tmp_path)
    first = certificate.read_bytes()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert certificate_for(["127.0.0.1", "localhost"], tmp_path)[0].read_bytes() == first
    certificate_for(["localhost", "192.0.2.1"], tmp_path)
    second = certificate.read_bytes()
    assert second != first
    certificate.write_text("no certificate")
    certificate_for(["localhost", "192.0.2.1"], tmp_path)
    assert b"BEGIN CERTIFICATE" in certificate.read_bytes()
    key.unlink()
    certificate_for(["localhost", "192.0.2.1"], tmp_path)
    assert key.is_file()


def test_a_line_of_the_log_has_ids_and_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    reply: Any = replies.Reply("235 2.7.0 Hello ada", {"user_id": "ada"})
    submission_program.write("AUTH", reply)
    found = json.loads(capsys.readouterr().out)
    assert found == {"service": "smtp", "command": "AUTH", "code": "235", "user_id": "ada"}
