"""One POST to a server of another owner, over http.client and ``guarded_connections``.

The certificate is checked for the host's name. There are no redirects, no proxy, no connection that is kept.
"""

from __future__ import annotations

import http.client
import ssl
import time
import zlib
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.adapters.aws.guarded_connections import (
    MAX_ADDRESSES,
    connect,
    left_s,
    look_up,
    resolve,
    said,
    shut_down_at,
)
from postroom.errors import PermanentError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    from postroom.adapters.aws.guarded_connections import Address, Resolve
    from postroom.model.private_servers import Endpoint, Origin

    Judge = Callable[[Origin, Address], bool]

_READ_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Times in seconds. Ours.

    Attributes:
        connect_s: for one address, connection and TLS handshake together.
        read_s: longest silence of the server after the request.
        total_s: for everything.
    """

    connect_s: float = 5
    read_s: float = 20
    total_s: float = 23


class PostError(PermanentError):
    """There is no answer; the text is a sentence for an administrator and repeats nothing that the server sent."""


class PostTimeoutError(PostError):
    """The server was not fast enough."""


class TooLargeAnswerError(PostError):
    """The answer has more bytes than allowed, as it came or after decompression."""


@dataclass(frozen=True, slots=True)
class Posted:
    """An answer: ``content`` is without its content coding; it is empty unless the status is 200 or 500."""

    status: int
    content: bytes


class Posts:
    """Sends posts. It may be used by several threads at a time."""

    def __init__(
        self,
        tls: Callable[[Origin], ssl.SSLContext],
        may_connect: Judge,
        deadlines: Deadlines | None = None,
        resolve: Resolve = resolve,
    ) -> None:
        """Keep what is needed.

        Args:
            tls: called for each connection to a server with https.
            may_connect: says whether an address of the server's host may be connected to.
            resolve: returns the addresses of a host and port, or raises an OSError.
        """
        self._tls, self._may_connect = tls, may_connect
        self._deadlines, self._resolve = deadlines or Deadlines(), resolve

    def post(self, endpoint: Endpoint, headers: Mapping[str, str], body: bytes, max_bytes: int) -> Posted:
        """Send a body and return the answer.

        Raises:
            PostError: see its subclasses; the server cannot be reached, or what it sends is no HTTP.
        """
        end = time.monotonic() + self._deadlines.total_s
        connected = self._connected(endpoint.origin, end)
        with closing(connected), shut_down_at(end, connected):
            try:
                connected.settimeout(self._deadlines.read_s)
                connection = _Connection(endpoint.origin, connected)
                connection.request("POST", endpoint.target, body, {**headers, "Accept-Encoding": "gzip"})
                answer = connection.getresponse()
                content = _content(answer, max_bytes) if answer.status in (200, 500) else b""
                left_s(end)  # else the end of the content may be the connection's
                return Posted(answer.status, content)
            except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: numbers that are none
                if isinstance(error, TimeoutError) or time.monotonic() >= end:
                    raise PostTimeoutError("The EWS server did not answer in time.") from error
                raise PostError("The EWS server broke the connection off, or does not speak HTTP.") from error

    def _connected(self, origin: Origin, end: float) -> socket.socket:
        """Return a connection to the first address that takes one."""
        failure: PostError = PostError("The EWS server's host has no address that may be connected to.")
        for address in self._addresses(origin, end):
            limit = min(end, time.monotonic() + self._deadlines.connect_s)
            try:
                return self._connect(origin, address, limit)
            except ssl.SSLCertVerificationError as error:
                failure = PostError(f"The EWS server's certificate is not valid: {error.verify_message}.")
            except OSError as error:
                if time.monotonic() >= end:
                    raise PostTimeoutError("The EWS server did not take the connection in time.") from error
                late = isinstance(error, TimeoutError) or time.monotonic() >= limit
                failure = (
                    PostTimeoutError("The EWS server did not take the connection in time.")
                    if late
                    else PostError(f"The EWS server cannot be reached: {said(error)}.")
                )
        raise failure

    def _addresses(self, origin: Origin, end: float) -> list[Address]:
        """Return the addresses that may be connected to, at most ``MAX_ADDRESSES``."""
        wait_s = min(self._deadlines.connect_s, end - time.monotonic())
        try:
            found = look_up(self._resolve, origin.host, origin.port, wait_s)
        except TimeoutError as error:
            raise PostTimeoutError("The EWS server's host could not be resolved in time.") from error
        except OSError as error:
            raise PostError("The EWS server's host has no address.") from error
        allowed = [address for address in found if self._may_connect(origin, address)]
        if not allowed:
            raise PostError("The EWS server's host has no address on the public internet.")
        return list(dict.fromkeys(allowed))[:MAX_ADDRESSES]

    def _connect(self, origin: Origin, address: Address, limit: float) -> socket.socket:
        """Return a connection, with TLS if the server has https.

        Raises:
            OSError: there is none by the limit, or TLS failed.
        """
        plain = connect(address, origin.port, limit)
        try:
            if origin.scheme == "http":
                return plain
            plain.settimeout(left_s(limit))  # of the whole handshake, however many bytes it takes
            return self._tls(origin).wrap_socket(plain, server_hostname=origin.host)
        except BaseException:
            plain.close()
            raise


class _Connection(http.client.HTTPConnection):
    """An HTTP connection over a socket that is connected. http.client closes it when it has read the header fields."""

    def __init__(self, origin: Origin, connected: socket.socket) -> None:
        super().__init__(origin.host, origin.port)
        self.default_port = 443 if origin.scheme == "https" else 80  # the field Host has the port unless it is this
        self.auto_open = 0
        self.sock: socket.socket = connected


def _content(answer: http.client.HTTPResponse, max_bytes: int) -> bytes:
    """Return the content of an answer without its coding.

    Raises:
        TooLargeAnswerError: it has more bytes than allowed.
        PostError: its coding is another than gzip, or broken.
        HTTPException: it ends too early.
    """
    coding = answer.getheader("Content-Encoding", "identity").strip().lower()
    if coding not in ("gzip", "x-gzip", "identity", ""):
        raise PostError("The EWS server answered in a content coding that was not offered.")
    unpack = zlib.decompressobj(wbits=31) if "gzip" in coding else None
    content = bytearray()
    while part := answer.read(_READ_BYTES):
        try:
            content += unpack.decompress(part, max_bytes + 1 - len(content)) if unpack else part
        except zlib.error as error:
            raise PostError("The EWS server's answer cannot be decompressed.") from error
        if len(content) > max_bytes:
            raise TooLargeAnswerError(f"The EWS server's answer has more than {max_bytes:,} bytes.")
    if answer.length or (unpack and not unpack.eof):
        raise http.client.IncompleteRead(b"")
    return bytes(content)
