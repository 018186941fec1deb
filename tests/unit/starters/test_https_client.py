"""HTTPS of the availability functions: which hosts, how long, how much, and where redirects lead."""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from functions.starters.src.availability import https
from functions.starters.src.availability.https import Https, is_public, split
from functions.starters.src.availability.questions import Deadline, MailboxError
from functions.starters.src.availability.secret import trusted
from tests.support.ews_servers import Connection, EwsServer, authority, good_context
from tests.support.https_server import HttpsServer, Request

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from tests.support.https_server import Answer

LOCAL: Final = frozenset({"localhost"})


def client(**given: Any) -> Https:
    tls = trusted({"certificates": authority().pem})
    return Https(**{"most_bytes": 1000, "redirects": 2, "private_hosts": LOCAL, "tls": tls, **given})


def hello(request: Request) -> Answer:
    return 200, {"X-Path": request.path}, b"hello"


def refused(asked: Https, url: str, seconds: float = 5.0) -> MailboxError:
    with pytest.raises(MailboxError) as caught:
        asked.get(url, {}, Deadline(seconds))
    assert "localhost" not in str(caught.value)  # a URL is a secret
    assert "s3cret" not in str(caught.value)
    return caught.value


class TestHosts:
    @pytest.mark.parametrize(
        ("address", "expected"),
        [
            ("8.8.8.8", True),
            ("2001:4860:4860::8888", True),
            ("127.0.0.1", False),
            ("10.1.2.3", False),
            ("169.254.169.254", False),
            ("100.64.0.1", False),
            ("0.0.0.0", False),  # noqa: S104
            ("224.0.0.1", False),
            ("255.255.255.255", False),
            ("::1", False),
            ("::", False),
            ("fe80::1", False),
            ("fd00:ec2::254", False),
            ("::ffff:127.0.0.1", False),
            ("::ffff:8.8.8.8", False),
            ("64:ff9b::7f00:1", False),
            ("2002:7f00:1::", False),
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
            ("ff02::1", False),
        ],
    )
    def test_addresses_on_the_internet(self, address: str, expected: bool) -> None:
        assert is_public(address) is expected

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "2130706433", "169.254.169.254"])
    def test_a_host_in_a_private_network_is_not_connected_to(self, host: str) -> None:
        with HttpsServer(hello) as server:
            error = refused(client(private_hosts=frozenset()), f"https://{host}:{server.server_port}/")
            assert server.asked == []
        assert error.code == "ErrorFreeBusyGenerationFailed"

    def test_a_name_that_leads_elsewhere_the_second_time_leads_nowhere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The addresses that were checked are connected to: DNS is asked once."""
        asked: list[str] = []

        def rebound(host: str, port: int, **_: object) -> list[Any]:
            asked.append(host)
            address = "127.0.0.1" if len(asked) > 1 else "192.0.2.1"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

        monkeypatch.setattr(socket, "getaddrinfo", rebound)
        assert str(refused(client(), "https://calendars.example/")) == "the host is in a private network"
        assert asked == ["calendars.example"]

    def test_a_name_without_an_address_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(*_: Any, **__: Any) -> Any:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        assert str(refused(client(), "https://calendars.example/")) == "the server's name has no address"

    def test_a_redirect_from_a_public_host_leads_to_no_private_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[str] = []

        def send(self: Https, _method: str, parts: SplitResult, *_: object) -> https.Answer:
            asked.append(f"{parts.hostname}: {sorted(self.private_hosts)}")
            return https.Answer(302, {"location": f"https://localhost/{len(asked)}"}, b"")

        monkeypatch.setattr(Https, "send", send)
        refused(client(), "https://calendars.example/")
        assert asked == ["calendars.example: ['localhost']", "localhost: []", "localhost: []"]
        asked.clear()
        refused(client(), "https://localhost/")
        assert asked == ["localhost: ['localhost']"] * 3

    def test_one_public_address_among_private_ones_is_used_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tried: list[Any] = []
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 443)) for each in ("10.0.0.1", "8.8.8.8")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

        class Unconnected(socket.socket):
            def connect(self, address: Any) -> None:
                tried.append(address)
                raise OSError("no network here")

        monkeypatch.setattr(socket, "socket", Unconnected)
        refused(client(), "https://calendars.example/")
        assert tried == [("8.8.8.8", 443)]

    @pytest.mark.parametrize(
        "url",
        ["http://a.example/", "ftp://a.example/", "https://", "https:///x", "https://a:b/", "x", "file:/etc/passwd"],
    )
    def test_only_https(self, url: str) -> None:
        with pytest.raises(MailboxError, match="not one of HTTPS"):
            split(url)


class TestAnswers:
    def test_an_answer(self) -> None:
        with HttpsServer(hello) as server:
            answer = client().get(f"{server.url}/a%20b/ü?q=a b", {"X-Given": "1"}, Deadline(5))
            (asked,) = server.asked
        assert (answer.status, answer.body) == (200, b"hello")
        assert answer.headers["x-path"] == "/a%20b/%C3%BC?q=a%20b"
        assert (asked.headers["X-Given"], asked.headers["Accept-Encoding"]) == ("1", "identity")
        assert "Authorization" not in asked.headers

    def test_a_name_and_a_password_in_the_url_are_for_its_host_alone(self) -> None:
        def answer(request: Request) -> Answer:
            return (302, {"Location": "/there"}, b"") if request.path == "/" else hello(request)

        with HttpsServer(hello) as other, HttpsServer(answer) as server:
            port = server.server_port
            client().get(f"https://ann%40x:s3cret%2F@localhost:{port}/", {}, Deadline(5))
            assert {each.headers["Authorization"] for each in server.asked} == {"Basic YW5uQHg6czNjcmV0Lw=="}
            server.answer = lambda _: (302, {"Location": f"https://u:p@localhost:{other.server_port}/"}, b"")
            client().get(f"https://ann:s3cret@localhost:{port}/", {}, Deadline(5))
            assert "Authorization" not in other.asked[0].headers

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            ((200, {}, b"x" * 1001), "more than 1000 bytes"),
            ((200, {"Content-Encoding": "gzip"}, b"x"), "compressed"),
            ((200, {"Content-Length": "9"}, b"x"), "IncompleteRead"),
            ((302, {"Location": "http://calendars.example/"}, b""), "not one of HTTPS"),
            ((302, {"Location": "https://127.0.0.1/"}, b""), "private network"),
            ((302, {"Location": "https://169.254.169.254/latest/meta-data/"}, b""), "private network"),
            ((302, {"Location": "/"}, b""), "more than 2 redirects"),
            ((302, {"Location": "https://[x"}, b""), "leads to no URL"),
        ],
    )
    def test_what_is_refused(self, answer: Answer, reason: str) -> None:
        with HttpsServer(lambda _: answer) as server:
            server.timeout = 1
            error = refused(client(), f"{server.url}/")
            assert len(server.asked) <= 3
        assert re.search(reason, str(error))
        assert error.code == "ErrorFreeBusyGenerationFailed"

    def test_a_certificate_that_nobody_knows(self) -> None:
        with HttpsServer(hello) as server:
            error = refused(client(tls=ssl.create_default_context()), f"{server.url}/")
        assert "SSLCertVerificationError" in str(error)

    def test_a_certificate_of_another_name(self) -> None:
        with EwsServer(lambda _: None, authority().context("other.example")) as server:
            error = refused(client(), f"https://localhost:{server.port}/")
        assert "SSLCertVerificationError" in str(error)


def dripping(data: bytes) -> Any:
    def behave(connection: Connection) -> None:
        connection.drip(data)

    return behave


@pytest.mark.parametrize(
    ("behave", "tls"),
    [
        (Connection.hang, False),  # hangs in the handshake
        (Connection.hang, True),  # says nothing
        (dripping(b"HTTP/1.1 100 Continue\r\n\r\n"), True),
        (dripping(b"HTTP/1.1 200 OK\r\nX-A: b\r\n"[:1]), True),
        (dripping(b"x"), True),
    ],
    ids=["handshake", "silence", "continue", "status", "header"],
)
def test_a_server_that_is_slow_in_any_way_is_left_in_time(behave: Any, tls: bool) -> None:
    began = time.monotonic()
    with EwsServer(behave, good_context() if tls else None) as server:
        error = refused(client(most_bytes=10**9), f"https://localhost:{server.port}/", 0.4)
        assert time.monotonic() - began < 3
    assert error.code in ("ErrorTimeoutExpired", "ErrorFreeBusyGenerationFailed")


def test_a_body_that_comes_byte_by_byte_is_left_in_time() -> None:
    def behave(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        connection.drip(b"x")

    began = time.monotonic()
    with EwsServer(behave, good_context()) as server:
        error = refused(client(most_bytes=10**9), f"https://localhost:{server.port}/", 0.4)
    assert time.monotonic() - began < 3
    assert error.code == "ErrorTimeoutExpired"


def test_no_thread_is_left() -> None:
    before = threading.active_count()
    with HttpsServer(hello) as server:
        for _ in range(3):
            client().get(f"{server.url}/", {}, Deadline(30))
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert threading.active_count() <= before


def test_a_deadline_that_is_over_makes_no_connection() -> None:
    with HttpsServer(hello) as server:
        assert refused(client(), f"{server.url}/", -1).code == "ErrorTimeoutExpired"
        assert server.asked == []
    assert https.CONNECT_S < 25
