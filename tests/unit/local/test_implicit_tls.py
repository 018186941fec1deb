"""The port with TLS from the first byte, with clients that do not get as far as a session."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from local.mail import implicit_tls, submission_port
from local.mail.services import Service
from tests.support.running_stack import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.submission_front import Port


@pytest.fixture
def quiet(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing is written: every scanner of ports, and every health check, would fill the log."""
    yield
    assert (*capfd.readouterr(), caplog.text) == ("", "", "")


def connect(port: Port) -> socket.socket:
    """Connect, and do no more."""
    return socket.create_connection(port.address(Service.SUBMISSIONS), timeout=30)


def ended(connection: socket.socket) -> bool:
    """Whether the server closes the connection without a word."""
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:  # it had not read everything
        return True


def session(port: Port) -> None:
    """Have a session: there is room for one."""
    with port.secured(Service.SUBMISSIONS) as client:
        assert client.noop()[0] == 250


def waiting(port: Port, count: int) -> None:
    wait_for(lambda: len(port.server.waiting) == count)


NO_TLS = [b"EHLO client.example\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"]


@pytest.mark.parametrize("said", NO_TLS)
def test_plain_text_ends_the_connection(port: Port, quiet: None, said: bytes) -> None:
    with connect(port) as connection:
        connection.sendall(said)
        assert ended(connection)
    session(port)
    waiting(port, 0)


def test_a_handshake_that_is_not_finished_ends(port: Port, quiet: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one of a client that waits for a greeting does: it was set up for STARTTLS."""
    monkeypatch.setattr(implicit_tls, "HANDSHAKE_SECONDS", 0.05)
    with connect(port) as connection:
        assert ended(connection)
    waiting(port, 0)


def test_a_client_that_leaves_within_the_handshake_is_forgotten(port: Port, quiet: None) -> None:
    with connect(port) as connection:
        waiting(port, 1)
        connection.sendall(b"\x16\x03\x01")
    waiting(port, 0)


def test_handshakes_take_no_place_of_a_session(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission_port, "MAX_CONNECTIONS", 1)
    with connect(port), connect(port):
        waiting(port, 2)
        session(port)


def test_of_too_many_handshakes_the_oldest_ends(port: Port, quiet: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(implicit_tls, "MAX_WAITING", 2)
    with connect(port) as first, connect(port) as second:
        waiting(port, 2)
        session(port)
        assert ended(first)
        tls = port.trust.wrap_socket(second, server_hostname="localhost")
        assert tls.recv(100).startswith(b"220 "), "it goes on"
        tls.close()


def test_a_client_that_is_refused_and_does_not_leave_is_counted(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission_port, "MAX_CONNECTIONS", 1)
    monkeypatch.setattr(implicit_tls, "MAX_WAITING", 1)
    with port.secured(), connect(port) as refused:
        tls = port.trust.wrap_socket(refused, server_hostname="localhost")
        assert tls.recv(100).startswith(b"421 4.7.0")
        waiting(port, 1)
        with connect(port):
            assert ended(tls)
        tls.close()


def test_commands_that_come_with_the_end_of_the_handshake_are_answered(port: Port) -> None:
    """Nothing is dropped, unlike behind STARTTLS: what a client says here is within TLS."""
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = port.trust.wrap_bio(into, out, server_hostname="localhost")
    answered = b""
    with connect(port) as connection:

        def through(step: Callable[[], bytes | None]) -> bytes:
            while True:
                try:
                    return step() or b""
                except ssl.SSLWantReadError:
                    connection.sendall(out.read())
                    into.write(connection.recv(65536))

        through(tls.do_handshake)
        tls.write(b"EHLO client.example\r\nQUIT\r\n")  # it goes out with the last bytes of the handshake
        while record := through(tls.read):
            answered += record
    assert answered.splitlines()[-1].startswith(b"221 ")
    assert answered.startswith(b"220 ")
    assert b"250-AUTH PLAIN LOGIN\r\n" in answered


def test_a_client_that_leaves_after_the_handshake_leaves_its_place(port: Port, quiet: None) -> None:
    with port.trust.wrap_socket(connect(port), server_hostname="localhost") as tls:
        assert tls.recv(100).startswith(b"220 ")
        tls.unwrap()
    wait_for(lambda: not port.server.connections)


def test_the_end_of_the_server_ends_handshakes_and_sessions(port: Port, quiet: None) -> None:
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(connect(port))
        wait_for(lambda: len(port.server.waiting) == 1)
        idle, leaving = (
            stack.enter_context(port.trust.wrap_socket(connect(port), server_hostname="localhost")) for _ in range(2)
        )
        leaving.sendall(b"QUIT\r\n")
        for tls, last in ((idle, b"220 "), (leaving, b"221 ")):
            while not tls.recv(100).startswith(last):
                pass
        port.server.close()  # it does not wait for the farewell of TLS
        assert ended(connection)
        for tls in (idle, leaving):
            with socket.socket(fileno=tls.detach()) as raw:
                raw.settimeout(30)
                while not ended(raw):
                    pass


def test_tls_is_not_begun_twice(port: Port) -> None:
    with port.secured(Service.SUBMISSIONS) as client, pytest.raises(smtplib.SMTPNotSupportedError):
        client.starttls(context=port.trust)
