"""What EWS servers do wrong: each time the call ends in time, with a code of EWS's and a cause without secrets."""

from __future__ import annotations

import datetime as dt
import gzip
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

import pytest

from postroom.adapters.aws.ews_servers import HttpsEwsServers
from postroom.adapters.aws.guarded_connections import resolve
from postroom.adapters.aws.http_posts import Deadlines
from postroom.contracts.ews import availability, free_busy, soap
from postroom.errors import SettingsError
from postroom.model.availability import EwsProvider
from postroom.model.free_busy import FailureCode, MailboxAvailability
from postroom.model.private_servers import PrivateServers
from postroom.ports.ews_servers import MAX_SECONDS, ServerFailure
from tests.support.ews_servers import Authority, Connection, EwsServer, authority, good_context, resolver

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


START_MS = 1_796_000_400_000
DAY_MS = 24 * 3_600_000
PASSWORD, ANSWERED = "the password of the server", "a text of the server's"
pytestmark = pytest.mark.timeout(30)  # none may wait for the real deadline
QUICK = Deadlines(connect_s=0.2, read_s=0.2, total_s=0.4)
LONG_S = 10

FAILED, LATE = FailureCode.FREE_BUSY_GENERATION_FAILED, FailureCode.TIMEOUT_EXPIRED
INVALID, BUSY = FailureCode.RESPONSE_SCHEMA_VALIDATION, FailureCode.SERVER_BUSY


def free(body: bytes, mailboxes: int = 1) -> bytes:
    """The answer of a good server for people without events."""
    request = availability.read_request(soap.read_call(body).request)
    results = [MailboxAvailability(f"p{number}@partner.test", ()) for number in range(mailboxes)]
    return soap.answer(free_busy.write_answer(request, results))


def good(connection: Connection) -> None:
    connection.answer(200, free(connection.read_request()[1]))


def ask(
    server: EwsServer,
    *,
    scheme: str = "https",
    host: str = "127.0.0.1",
    deadlines: Deadlines | None = None,
    addresses: Sequence[str] = ("127.0.0.1",),
    listed: bool = True,
) -> object:
    origin = f"{scheme}://{host}:{server.port}"
    servers = HttpsEwsServers(
        PrivateServers.read(origin if listed else "NONE"), authority().pem, deadlines, resolver({host: addresses})
    )
    began = time.monotonic()
    provider = EwsProvider(f"{origin}/EWS/Exchange.asmx", "free-busy", "v1")
    result = servers.free_busy(provider, PASSWORD, ["p0@partner.test"], START_MS, START_MS + DAY_MS)
    assert time.monotonic() - began < LONG_S
    return result


def failure(
    behave: Callable[[Connection], None],
    context: ssl.SSLContext | None = None,
    deadlines: Deadlines | None = None,
    host: str = "127.0.0.1",
) -> ServerFailure:
    with EwsServer(behave, context or good_context()) as server:
        result = ask(server, deadlines=deadlines, host=host)
    assert isinstance(result, ServerFailure)
    assert PASSWORD not in result.message
    assert ANSWERED not in result.message
    return result


def answered(status: int, body: bytes = b"", **headers: str) -> ServerFailure:
    def behave(connection: Connection) -> None:
        connection.read_request()
        connection.answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})

    return failure(behave)


def sent(*parts: bytes) -> Callable[[Connection], None]:
    def behave(connection: Connection) -> None:
        connection.read_request()
        for part in parts:
            connection.send(part)

    return behave


class TestGoodServers:
    def test_a_host_name_is_sent_to_the_server_and_checked_in_its_certificate(self) -> None:
        heads: list[str] = []

        def behave(connection: Connection) -> None:
            head, body = connection.read_request()
            heads.append(head)
            connection.answer(200, free(body))

        with EwsServer(behave, good_context()) as server:
            assert isinstance(ask(server, host="localhost"), tuple)
            port = server.port
        assert f"\r\nHost: localhost:{port}\r\n" in heads[0]
        assert heads[0].startswith("POST /EWS/Exchange.asmx HTTP/1.1\r\n")
        assert "\r\nContent-Type: text/xml; charset=utf-8\r\n" in heads[0]
        assert "\r\nX-Postroom-Passed-On: true\r\n" in heads[0]

    def test_a_compressed_answer_is_read(self) -> None:
        def behave(connection: Connection) -> None:
            head, body = connection.read_request()
            assert "Accept-Encoding: gzip" in head
            connection.answer(200, gzip.compress(free(body)), {"Content-Encoding": "gzip"})

        with EwsServer(behave, good_context()) as server:
            assert ask(server) == (MailboxAvailability("p0@partner.test", ()),)

    def test_a_chunked_answer_is_read(self) -> None:
        def behave(connection: Connection) -> None:
            content = free(connection.read_request()[1])
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for start in range(0, len(content), 100):
                part = content[start : start + 100]
                connection.send(b"%x\r\n%b\r\n" % (len(part), part))
            connection.send(b"0\r\n\r\n")

        with EwsServer(behave, good_context()) as server:
            assert isinstance(ask(server), tuple)

    def test_plain_http_is_for_servers_that_the_stack_lists_with_it(self) -> None:
        with EwsServer(good) as server:
            assert isinstance(ask(server, scheme="http"), tuple)
            refused = ask(server, scheme="http", listed=False)
            assert isinstance(refused, ServerFailure)
            assert "not an https URL" in refused.message
            assert server.connections == 1

    def test_the_next_address_is_tried_where_one_takes_no_connection(self) -> None:
        with EwsServer(good, good_context()) as server:
            assert isinstance(ask(server, host="localhost", addresses=["::1", "127.0.0.9", "127.0.0.1"]), tuple)
            result = ask(server, host="localhost", addresses=["127.0.0.9"] * 9 + ["127.0.0.8"])
        assert isinstance(result, ServerFailure)
        assert result == ServerFailure(FAILED, "The EWS server cannot be reached: connection refused.")

    def test_the_real_deadlines_end_before_the_limit_of_the_port(self) -> None:
        assert Deadlines().total_s < MAX_SECONDS


class TestAddresses:
    @pytest.mark.parametrize(
        "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"]
    )
    def test_a_public_name_that_leads_to_a_private_address_is_not_connected_to(self, address: str) -> None:
        with EwsServer(good, good_context()) as server:
            result = ask(server, host="mail.partner.example", addresses=[address], listed=False)
            assert server.connections == 0
        said = "The EWS server's host has no address on the public internet."
        assert result == ServerFailure(FAILED, said)

    def test_a_host_is_resolved_once_and_the_address_that_was_judged_is_used(self) -> None:
        lookups: list[str] = []

        def rebinding(host: str, port: int) -> Sequence[str]:
            lookups.append(host)
            return ["127.0.0.1"] if len(lookups) == 1 else ["127.0.0.66"]

        with EwsServer(good, good_context()) as server:
            origin = f"https://localhost:{server.port}"
            servers = HttpsEwsServers(PrivateServers.read(origin), authority().pem, None, rebinding)
            provider = EwsProvider(f"{origin}/", "u", "v1")
            assert isinstance(servers.free_busy(provider, "p", ["p0@partner.test"], START_MS, START_MS + DAY_MS), tuple)
        assert lookups == ["localhost"]

    def test_a_host_without_addresses_is_a_failure(self) -> None:
        with EwsServer(good, good_context()) as server:
            servers = HttpsEwsServers(PrivateServers(), resolve=resolver({}))
            provider = EwsProvider(f"https://gone.partner.example:{server.port}/", "u", "v1")
            result = servers.free_busy(provider, PASSWORD, ["p0@partner.test"], START_MS, START_MS + DAY_MS)
        assert result == ServerFailure(FAILED, "The EWS server's host has no address.")

    def test_a_name_server_that_does_not_answer_is_waited_for_a_while(self) -> None:
        def slow(host: str, port: int) -> Sequence[str]:
            time.sleep(2)
            return ["127.0.0.1"]

        servers = HttpsEwsServers(PrivateServers(), deadlines=QUICK, resolve=slow)
        provider = EwsProvider("https://mail.partner.example/", "u", "v1")
        began = time.monotonic()
        result = servers.free_busy(provider, PASSWORD, ["p0@partner.test"], START_MS, START_MS + DAY_MS)
        assert time.monotonic() - began < 1.5
        assert result == ServerFailure(LATE, "The EWS server's host could not be resolved in time.")

    def test_the_systems_resolver_is_used_otherwise(self) -> None:
        assert resolve("127.0.0.1", 443) == ["127.0.0.1"]
        with pytest.raises(socket.gaierror):
            resolve("name.invalid", 443)

    def test_proxies_of_the_environment_are_not_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with EwsServer(good) as proxy, EwsServer(good, good_context()) as server:
            for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            assert isinstance(ask(server), tuple)
            assert proxy.connections == 0


class TestCertificates:
    @pytest.mark.parametrize(
        ("context", "says"),
        [
            (lambda: authority().context("other.partner.test"), "IP address mismatch"),
            (lambda: Authority.new().context("127.0.0.1"), "certificate signature failure"),
            (lambda: authority().context("127.0.0.1", end=dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)), "expired"),
        ],
        ids=["another name", "another authority", "expired"],
    )
    def test_a_certificate_that_is_not_valid_ends_before_the_password_is_sent(
        self, context: Callable[[], ssl.SSLContext], says: str
    ) -> None:
        read: list[str] = []

        def behave(connection: Connection) -> None:
            read.append(connection.read_request()[0])

        result = failure(behave, context())
        assert result.code is FAILED
        assert result.message.startswith("The EWS server's certificate is not valid: ")
        assert says in result.message
        assert read in ([], [""])

    def test_the_stacks_own_authorities_count_for_its_list_only(self) -> None:
        servers = HttpsEwsServers(PrivateServers.read("https://a.corp"), authority().pem)
        public, private = servers._contexts.public, servers._contexts.private
        assert len(private.get_ca_certs()) == len(public.get_ca_certs()) + 1
        assert len(public.get_ca_certs()) > 50
        assert public.verify_flags == ssl.VERIFY_X509_TRUSTED_FIRST  # Python 3.13 would be stricter than others
        assert private.verify_flags == ssl.VERIFY_X509_TRUSTED_FIRST | ssl.VERIFY_X509_PARTIAL_CHAIN
        for context in (public, private):
            assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)

    def test_an_authority_may_be_written_in_one_line(self) -> None:
        with EwsServer(good, good_context()) as server:
            origin = f"https://127.0.0.1:{server.port}"
            servers = HttpsEwsServers(PrivateServers.read(origin), " ".join((authority().pem * 2).split("\n")))
            provider = EwsProvider(f"{origin}/", "u", "v1")
            assert isinstance(servers.free_busy(provider, "p", ["p0@partner.test"], START_MS, START_MS + DAY_MS), tuple)

    def test_the_certificate_of_the_server_itself_may_be_listed(self) -> None:
        context, pem = Authority.new().server("127.0.0.1")
        with EwsServer(good, context) as server, EwsServer(good, good_context()) as other:
            origins = [f"https://127.0.0.1:{each.port}" for each in (server, other)]
            servers = HttpsEwsServers(PrivateServers.read(",".join(origins)), pem)
            providers = [EwsProvider(f"{origin}/", "u", "v1") for origin in origins]
            window = (START_MS, START_MS + DAY_MS)
            results = [servers.free_busy(each, "p", ["p0@partner.test"], *window) for each in providers]
        assert isinstance(results[0], tuple)
        assert isinstance(results[1], ServerFailure)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "certificate",
            "-----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----A=A",
        ],
    )
    def test_other_texts_than_certificates_are_an_error_of_the_settings(self, text: str) -> None:
        with pytest.raises(SettingsError, match="PRIVATE_EWS_CERTIFICATES is not PEM"):
            HttpsEwsServers(PrivateServers(), text)
        with pytest.raises(SettingsError, match="PRIVATE_EWS_CERTIFICATES is not PEM"):
            HttpsEwsServers(PrivateServers(), authority().pem + "more" + text)

    def test_a_server_that_does_not_speak_tls_is_a_failure(self) -> None:
        with EwsServer(lambda connection: connection.send(b"SSH-2.0-OpenSSH_9.9\r\n")) as server:
            assert ask(server) == ServerFailure(FAILED, "The EWS server cannot be reached: TLS failed.")


class TestSlowServers:
    def test_a_tls_handshake_that_hangs_ends(self) -> None:
        with EwsServer(Connection.hang) as server:
            result = ask(server, deadlines=QUICK)
        assert result == ServerFailure(LATE, "The EWS server did not take the connection in time.")

    def test_a_tls_handshake_that_drips_ends(self) -> None:
        def behave(connection: Connection) -> None:
            connection.send(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")  # a ServerHello of 16 KB begins
            connection.drip(b"\x03")

        with EwsServer(behave) as server:
            result = ask(server, deadlines=QUICK)
        assert isinstance(result, ServerFailure)
        assert result.code is LATE

    @pytest.mark.parametrize(
        "first",
        [
            b"",
            b"HTTP/1.1 200 O",
            b"HTTP/1.1 200 OK\r\nX: ",
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n<?xml",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nf4240\r\n",
        ],
    )
    @pytest.mark.parametrize("drips", [False, True])
    def test_an_answer_that_hangs_or_drips_ends(self, first: bytes, drips: bool) -> None:
        def behave(connection: Connection) -> None:
            connection.read_request()
            connection.send(first)
            if drips:
                connection.drip(b"x")
            connection.hang()

        result = failure(behave, deadlines=QUICK)
        assert (result.code, "in time" in result.message) == (LATE, True)

    @pytest.mark.parametrize("part", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n"])
    def test_a_server_that_says_continue_for_ever_ends(self, part: bytes) -> None:
        def behave(connection: Connection) -> None:
            connection.read_request()
            connection.drip(part)

        assert failure(behave, deadlines=QUICK).code is LATE

    def test_a_server_that_does_not_read_ends(self) -> None:
        with EwsServer(Connection.hang, good_context()) as server:
            result = ask(server, deadlines=QUICK)
        assert isinstance(result, ServerFailure)
        assert result.code is LATE

    def test_a_server_that_takes_no_connection_ends(self) -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
            address = full.getsockname()
            waiting = [socket.socket() for _ in range(4)]
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(address)
            origin = f"https://127.0.0.1:{address[1]}"
            servers = HttpsEwsServers(PrivateServers.read(origin), deadlines=QUICK)
            result = servers.free_busy(EwsProvider(f"{origin}/", "u", "v"), PASSWORD, ["a@b.test"], 0, DAY_MS)
            for each in waiting:
                each.close()
        assert isinstance(result, ServerFailure)
        assert result.code is LATE

    def test_no_thread_and_no_connection_is_left(self) -> None:
        def behave(connection: Connection) -> None:
            good(connection)
            connection.sock.recv(1)  # its thread goes on until the client closes the connection

        with EwsServer(behave, good_context()) as server:
            before = threading.enumerate()
            ask(server, deadlines=Deadlines(total_s=600))
            for thread in {*threading.enumerate()} - {*before}:
                thread.join(LONG_S)  # a timer that was cancelled takes a moment to end
                assert not thread.is_alive()


class TestStatuses:
    @pytest.mark.parametrize(
        ("status", "code", "says"),
        [
            (401, FAILED, "refused the user name or the password"),
            (403, FAILED, "denied access"),
            (404, FAILED, "nothing at the endpoint's path"),
            (405, FAILED, "HTTP status 405"),
            (204, FAILED, "HTTP status 204"),
            (429, BUSY, "busy"),
            (503, BUSY, "busy"),
            (500, FAILED, "HTTP status 500"),
            (999, FAILED, "HTTP status 999"),
        ],
    )
    def test_a_status_is_a_cause(self, status: int, code: FailureCode, says: str) -> None:
        result = answered(status, f"<html>{ANSWERED}</html>".encode())
        assert result.code is code
        assert says in result.message

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @pytest.mark.parametrize("same_host", [False, True])
    def test_a_redirect_is_not_followed(self, status: int, same_host: bool) -> None:
        with EwsServer(good, good_context()) as other:
            seen: list[str] = []

            def behave(connection: Connection) -> None:
                seen.append(connection.read_request()[0])
                location = "/EWS/Other.asmx" if same_host else f"https://127.0.0.1:{other.port}/EWS/Exchange.asmx"
                connection.answer(status, b"", {"Location": location})

            result = failure(behave)
            assert other.connections == 0
        assert len(seen) == 1
        assert (result.code, "redirects, which is not followed" in result.message) == (FAILED, True)

    @pytest.mark.parametrize(
        ("code", "kept", "named"),
        [
            ("ErrorServerBusy", BUSY, True),
            ("ErrorTimeoutExpired", LATE, True),
            ("ErrorInvalidServerVersion", FAILED, True),
            ("ErrorSchemaValidation", FAILED, False),
            ("ErrorOfTheServersOwn", FAILED, False),
        ],
    )
    def test_a_fault_is_a_cause(self, code: str, kept: FailureCode, named: bool) -> None:
        result = answered(500, soap.fault(soap.FaultError(code, ANSWERED)))
        assert result.code is kept
        assert (code in result.message) is named


class TestAnswers:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<!DOCTYPE html><html><body>Sign in</body></html>",
            b"<html><body>Sign in</body></html>",
            b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>',
            b"<a>" * 10_000,
            b"<a>" + b"<b/>" * 250_000 + b"</a>",
            b"{}",
            b"\x00" * 100,
            soap.answer(soap.new("{urn:x}GetUserAvailabilityResponse")),
        ],
        ids=["nothing", "HTML", "XHTML", "a DTD", "deep", "wide", "JSON", "zeros", "another namespace"],
    )
    def test_what_is_no_answer_of_ews_is_not_valid(self, body: bytes) -> None:
        assert answered(200, body, Content_Type="text/html").code is INVALID

    @pytest.mark.parametrize("mailboxes", [0, 2, 100])
    def test_another_number_of_mailboxes_is_not_valid(self, mailboxes: int) -> None:
        def behave(connection: Connection) -> None:
            connection.answer(200, free(connection.read_request()[1], mailboxes))

        result = failure(behave)
        assert result.code is INVALID
        assert f"answered {mailboxes} mailboxes, but was asked for 1" in result.message

    def test_ten_megabytes_are_too_much(self) -> None:
        assert answered(200, b" " * (10 << 20)) == ServerFailure(
            INVALID, "The EWS server's answer has more than 5,242,880 bytes."
        )

    def test_an_answer_without_end_is_too_much(self) -> None:
        def behave(connection: Connection) -> None:
            connection.read_request()
            connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
            for _ in range(1000):
                connection.send(b"<a/>" * 16_384)

        assert failure(behave).code is INVALID

    def test_a_gzip_bomb_is_not_unpacked(self) -> None:
        bomb = gzip.compress(b"\x00" * (64 << 20), compresslevel=1)
        result = answered(200, bomb, Content_Encoding="gzip")
        assert result == ServerFailure(INVALID, "The EWS server's answer has more than 5,242,880 bytes.")

    @pytest.mark.parametrize(
        ("body", "coding"),
        [
            (b"no gzip", "gzip"),
            (gzip.compress(b"<a/>", mtime=0)[:-9], "gzip"),
            (b"<a/>", "br"),
            (b"<a/>", "deflate"),
            (b"<a/>", "gzip, gzip"),
        ],
    )
    def test_a_coding_that_is_broken_or_was_not_offered_is_a_failure(self, body: bytes, coding: str) -> None:
        assert answered(200, body, Content_Encoding=coding).code is FAILED

    @pytest.mark.parametrize(
        "parts",
        [
            [],
            [b"Hello\r\n"],
            [b"HTTP/1.1\r\n\r\n"],
            [b"HTTP/1.1 abc OK\r\n\r\n"],
            [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<a/>"],
            [b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"],
            [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n<a/>\r\n"],
            [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n<a"],
            [b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 101, b"\r\n"],
            [b"HTTP/1.1 200 OK\r\nX: ", b"y" * 70_000, b"\r\n\r\n"],
            [b"\xff" * 1000],
        ],
    )
    def test_what_is_no_http_is_a_failure(self, parts: list[bytes]) -> None:
        assert failure(sent(*parts)).code in (FAILED, INVALID)
