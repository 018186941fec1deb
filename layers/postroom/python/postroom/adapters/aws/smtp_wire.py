"""One connection to an SMTP server: commands go out, replies come in, every wait has an end.

Errors say in words of ours what happened; replies that cannot be read are never quoted.
"""

from __future__ import annotations

import ssl
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from postroom.adapters.aws.guarded_connections import left_s, said, shut_down_at
from postroom.contracts.smtp import (
    CRLF,
    MAX_LINE_BYTES,
    MAX_REPLY_LINES,
    Reply,
    UnreadableReplyError,
    is_last,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

_READ_BYTES: Final = 4096


class WireError(Exception):
    """The connection cannot be used any more; the text is one sentence, ``status`` of RFC 3463."""

    def __init__(self, text: str, status: str) -> None:
        """Keep both."""
        super().__init__(text)
        self.status = status


class Wire:
    """A connection, in the clear or with TLS."""

    def __init__(self, connected: socket.socket, end: float) -> None:
        """Keep what is needed.

        Args:
            end: of everything until the next call of ``held_until``, on the monotonic clock.
        """
        self._socket, self._end, self._read = connected, end, bytearray()
        self._is_lost = False

    def held_until(self, end: float) -> AbstractContextManager[None]:
        """Use the connection in the block, until a time of the monotonic clock at most."""
        self._end = end
        return shut_down_at(end, self._socket)

    @property
    def own_address(self) -> str:
        """The address of this side, as EHLO has it. Source: RFC 5321, 4.1.3."""
        address = str(self._socket.getsockname()[0])
        return f"[IPv6:{address}]" if ":" in address else f"[{address}]"

    def ask(self, command: str, wait_s: float) -> Reply:
        """Send a command and return the reply to it.

        Raises:
            WireError: it failed, or ``expect_silence`` does.
        """
        self.expect_silence()
        self.send(command.encode() + CRLF, wait_s)
        return self.reply(wait_s)

    def expect_silence(self) -> None:
        """Require that the server has sent no reply too many: which command each later one answers would not be known.

        Raises:
            WireError: it has, or the connection has ended.
        """
        if not self._read:
            try:
                self._socket.settimeout(0)
                self._read += self._received()
            except (BlockingIOError, ssl.SSLWantReadError):
                return
            except OSError as error:
                raise self._error(error) from error
        raise WireError("The gateway sent more than a reply.", "4.5.0")

    def send(self, data: bytes, wait_s: float, *, reserve_s: float = 0) -> None:
        """Send bytes, all of them, so many seconds before the end of everything."""
        try:
            self._socket.settimeout(min(wait_s, left_s(self._end - reserve_s)))
            self._socket.sendall(data)
        except OSError as error:
            raise self._error(error) from error

    def reply(self, wait_s: float) -> Reply:
        """Return the next reply."""
        limit = min(time.monotonic() + wait_s, self._end)
        try:
            return Reply.of(list(self._lines(limit)))
        except UnreadableReplyError as error:
            raise WireError("The gateway sent something that is no reply of SMTP.", "4.5.0") from error
        except OSError as error:
            raise self._error(error) from error

    def secure(self, context: ssl.SSLContext, host: str, wait_s: float) -> None:
        """Begin TLS, and check the certificate for a host.

        Raises:
            WireError: it failed, or bytes came after the reply to STARTTLS: they are not the server's (RFC 3207, 6).
        """
        self._is_lost = True  # until TLS has begun, the server reads no command
        if self._read:
            raise WireError("The gateway sent more than a reply before TLS began.", "4.7.5")
        try:
            self._socket.settimeout(min(wait_s, left_s(self._end)))
            self._socket = context.wrap_socket(self._socket, server_hostname=host)
            self._is_lost = False
        except ssl.SSLCertVerificationError as error:
            raise WireError(f"The gateway's certificate is not valid: {_sentence(error)}.", "4.7.5") from error
        except ssl.SSLEOFError as error:
            raise self._error(error) from error
        except ssl.SSLError as error:
            raise WireError(f"TLS with the gateway failed: {_reason(error)}.", "4.7.5") from error
        except OSError as error:
            raise self._error(error) from error

    def close(self) -> None:
        """End the connection; the server is told if it listens, but not waited for."""
        with suppress(OSError):
            if not self._is_lost:
                self._socket.settimeout(1)
                self._socket.sendall(b"QUIT\r\n")
        self._socket.close()

    def _lines(self, limit: float) -> Iterator[bytes]:
        """Yield the lines of a reply without their line ends."""
        for _ in range(MAX_REPLY_LINES):
            while (at := self._read.find(b"\n")) < 0:
                if len(self._read) > MAX_LINE_BYTES:
                    raise UnreadableReplyError
                self._socket.settimeout(left_s(limit))
                self._read += self._received()
            line = bytes(self._read[:at]).removesuffix(b"\r")
            del self._read[: at + 1]
            yield line
            if is_last(line):
                return
        raise UnreadableReplyError

    def _received(self) -> bytes:
        part = self._socket.recv(_READ_BYTES)
        if not part:
            raise ConnectionResetError
        return part

    def _error(self, error: OSError) -> WireError:
        self._is_lost = True
        if isinstance(error, TimeoutError) or time.monotonic() >= self._end:
            return WireError("The gateway did not answer in time.", "4.4.2")
        return WireError("The gateway ended the connection.", "4.4.2")


def _sentence(error: ssl.SSLCertVerificationError) -> str:
    """Return OpenSSL's or Python's cause, which repeats nothing but the name that was checked."""
    return error.verify_message.rstrip(".")


def _reason(error: ssl.SSLError) -> str:
    """Return OpenSSL's name of the cause, which is a constant of it."""
    return (error.reason or said(error)).replace("_", " ").lower()
