"""HTTPS to a host that a configuration names: bounded in time, size and redirects, and never into a private network.

A public name may lead to a private address, and may lead elsewhere a moment later. So the addresses are checked that
the connection is made to, for every redirect again. Errors say what was wrong, and never name the URL: it may be all
that protects a calendar.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from .questions import MailboxError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .questions import Deadline

CONNECT_S = 4.0
"""Seconds for a connection to one address. Ours."""

IN_URLS = "/%:@!$&'()*+,;=~?[]"
"""Characters of a path and a query that stay as they are, beside letters, digits and `_.-`. Source: RFC 3986, 2.2."""

REDIRECTS = (301, 302, 303, 307, 308)
ON_THE_INTERNET = ipaddress.IPv6Network("2000::/3")
"""IPv6 addresses that are routed on the internet. Source: RFC 4291, 2.4."""


@dataclass(frozen=True)
class Answer:
    """What a server answered; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Https:
    """How hosts may be asked.

    Attributes:
        most_bytes: size of an answer, of which no more is read.
        redirects: how many are followed.
        private_hosts: names that may lead to private addresses; a redirect from another host may not lead to them.
        tls: checks certificates; by default those of the system's authorities.
    """

    most_bytes: int
    redirects: int = 0
    private_hosts: frozenset[str] = frozenset()
    tls: ssl.SSLContext | None = None

    def get(self, url: str, headers: Mapping[str, str], deadline: Deadline) -> Answer:
        """GET a URL, and follow redirects.

        Raises:
            MailboxError: there is no answer.
        """
        parts, allowed = split(url), self
        for _ in range(self.redirects + 1):
            answer = allowed.send("GET", parts, headers, None, deadline)
            if answer.status not in REDIRECTS or "location" not in answer.headers:
                return answer
            there = _redirected(parts, answer.headers["location"])
            if (parts.hostname or "") not in self.private_hosts:  # a public server may not lead into the network
                allowed = replace(self, private_hosts=frozenset())
            parts = there
        raise failure(f"more than {self.redirects} redirects")

    def send(
        self, method: str, parts: SplitResult, headers: Mapping[str, str], body: bytes | None, deadline: Deadline
    ) -> Answer:
        """Send one request, with the name and password of the URL, if it has them.

        Raises:
            MailboxError: there is no answer.
        """
        headers = {"Accept-Encoding": "identity", "Connection": "close", **headers, **_authorization(parts)}
        tls = self.tls or ssl.create_default_context()
        connection = _Connection(parts, tls, deadline, self.private_hosts)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request(method, quote(target, safe=IN_URLS), body, headers)
            with contextlib.closing(connection.getresponse()) as response:
                return self._read(response)
        except MailboxError:
            raise
        except (OSError, http.client.HTTPException, UnicodeError, ValueError) as error:
            deadline.check()  # an error that the deadline made is a deadline
            if isinstance(error, TimeoutError):
                raise MailboxError("ErrorTimeoutExpired", "the server did not answer in time") from None
            if isinstance(error, socket.gaierror):
                raise failure("the server's name has no address") from None
            raise failure(f"the server cannot be asked: {type(error).__name__}") from None
        finally:
            connection.close()

    def _read(self, response: http.client.HTTPResponse) -> Answer:
        headers = {name.lower(): value for name, value in response.getheaders()}
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise failure("the answer is compressed, though it was asked for as it is")
        body = response.read(self.most_bytes + 1)
        if len(body) > self.most_bytes:
            raise failure(f"the answer has more than {self.most_bytes} bytes")
        if response.length:  # read(amount) does not say that the connection ended too early
            raise http.client.IncompleteRead(b"", response.length)
        return Answer(response.status, headers, body)


def split(url: str) -> SplitResult:
    """Return the parts of a URL that may be asked.

    Raises:
        MailboxError: it is no URL of HTTPS.
    """
    try:
        parts = urlsplit(url)
        known = parts.scheme == "https" and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise failure("a URL is not one of HTTPS")
    return parts


def failure(reason: str) -> MailboxError:
    """Return the error of a server that gives no free/busy information."""
    return MailboxError("ErrorFreeBusyGenerationFailed", reason)


def is_public(address: str) -> bool:
    """Whether an address is one on the internet: not private, local, reserved, multicast, or IPv4 inside IPv6."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and (
        ip not in ON_THE_INTERNET or ip.sixtofour is not None or ip.teredo is not None or ip.scope_id is not None
    ):
        return False
    return ip.is_global and not ip.is_multicast


class _Connection(http.client.HTTPSConnection):
    """A connection to addresses that were checked; it is cut when the time is over, wherever it is then."""

    def __init__(self, parts: SplitResult, tls: ssl.SSLContext, deadline: Deadline, private: frozenset[str]) -> None:
        host = (parts.hostname or "").encode("idna").decode() if not _is_address(parts) else str(parts.hostname)
        super().__init__(host, parts.port or 443, context=tls)
        self._tls = tls
        self._deadline = deadline
        self._is_private_allowed = host.lower() in private
        self._cut: threading.Timer | None = None

    def connect(self) -> None:
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        allowed = [each for each in found if self._is_private_allowed or is_public(str(each[4][0]))]
        if not allowed:
            raise failure("the host is in a private network")
        raw = self._first(allowed)
        self.sock = self._tls.wrap_socket(raw, server_hostname=self.host, do_handshake_on_connect=False)
        self._cut = threading.Timer(max(self._deadline.left(), 0), _shut, [self.sock])
        self._cut.daemon = True
        self._cut.start()
        self.sock.do_handshake()

    def close(self) -> None:
        if self._cut is not None:
            self._cut.cancel()
        super().close()

    def _first(self, found: list[Any]) -> socket.socket:
        """Return a socket that is connected to the first address that answers, as getaddrinfo gives them."""
        last: OSError | None = None
        for family, kind, protocol, _, address in found:
            raw = socket.socket(family, kind, protocol)
            try:
                raw.settimeout(min(CONNECT_S, self._deadline.check()))
                raw.connect(address)
                raw.settimeout(self._deadline.check())
            except OSError as error:
                raw.close()
                last = error
            except MailboxError:
                raw.close()
                raise
            else:
                return raw
        raise last or OSError("no address")


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it was closed meanwhile
        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not the TLS socket's own: another thread reads from it


def _is_address(parts: SplitResult) -> bool:
    try:
        ipaddress.ip_address(parts.hostname or "")
    except ValueError:
        return False
    return True


def _redirected(parts: SplitResult, location: str) -> SplitResult:
    """Return where a redirect leads; the name and password of a URL stay with its host."""
    try:
        there = split(urljoin(parts.geturl(), location))
    except ValueError:
        raise failure("a redirect leads to no URL") from None
    same = (there.scheme, there.hostname, there.port or 443) == (parts.scheme, parts.hostname, parts.port or 443)
    if not same and "@" in there.netloc:
        return there._replace(netloc=there.netloc.rpartition("@")[2])
    if same and "@" not in there.netloc and "@" in parts.netloc:
        return there._replace(netloc=parts.netloc)
    return there


def _authorization(parts: SplitResult) -> dict[str, str]:
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
