"""What both SMTP listeners do unlike aiosmtpd: messages are taken byte for byte, paths as RFC 5321 has them."""

from __future__ import annotations

import re
import sys
from typing import Final

from aiosmtpd.smtp import SMTP

MAX_MESSAGE_BYTES: Final = 40 * 2**20
"""Largest message, in bytes. Source: AWS SES, quotas of email receiving, 40 MB; guide, message quotas."""

_END: Final = b"\r\n.\r\n"
_EVERYTHING: Final = 2**40
"""For StreamReader.read: all that has come. Bytes left behind would come before those that are given back."""

_STUFFING: Final = ((b"\r\n.", b"\r\n"), (b"\r\n.", b"\r\n.."), (b"\n..", b"\n."))
"""Replacements that undo dot-stuffing: a dot after CRLF goes (RFC 5321, 4.5.2), and one of two after a bare LF; the
second one puts back what the third would take too much. smtplib stuffs after every LF, curl after CRLF alone: no
message of theirs loses a dot, except one with two dots after a bare LF from curl. Ours, as SMTP has no bare LF."""

_JOINERS: Final = {0x200C: None, 0x200D: None}
"""Characters that are not printable but allowed in domain names. Source: RFC 5892, A.1 and A.2."""

_PATH: Final = re.compile(
    r"""
    [ \t]* (?: < (?: @[^\s:<>"]* : )? (?P<path> (?: "(?:[^"\\]|\\.)*" | [^\s<>"\\] )* ) >
             | (?P<bare> [^\s<>]+ ) )
    (?P<parameters> [ \t].* )? """,
    re.VERBOSE,
)
"""A path of MAIL or RCPT, then parameters. Source: RFC 5321 4.1.2, RFC 6531 3.3. Brackets may be missing (ours)."""


class BytesSMTP(SMTP):  # type: ignore[misc]  # aiosmtpd has no types
    """aiosmtpd's protocol with a DATA command that keeps every byte: its own splits lines and limits them."""

    line_length_limit = 2**16  # of commands; DATA does not come here

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802  aiosmtpd's name
        """Read up to CRLF.CRLF, and undo dot-stuffing."""
        if await self.check_helo_needed() or await self.check_auth_needed("DATA"):
            return
        if not self.envelope.rcpt_tos:
            await self.push("503 Error: need RCPT command")
            return
        if arg:
            await self.push("501 Syntax: DATA")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        content = await self._read_content()
        try:
            if content is None:
                answer = "552 5.3.4 Error: message larger than 40 MB"
            else:
                self.envelope.content = self.envelope.original_content = content
                answer = await self._call_handler_hook("DATA")
        finally:  # whatever the answer, this transaction is over (RFC 5321 4.1.1.4)
            self._set_post_data_state()
        await self.push(answer)

    def data_came(self) -> None:
        """Note that a part of a message came."""

    async def _read_content(self) -> bytes | None:
        """Return the message, or None if it is too large (it is read to its end all the same)."""
        data = bytearray(b"\r\n")  # so that an immediate "." ends it as well
        dropped = False
        searched = 0
        while (found := data.find(_END, searched)) < 0:
            searched = max(len(data) - len(_END) + 1, 0)
            if len(data) > MAX_MESSAGE_BYTES + len(_END) + MAX_MESSAGE_BYTES // 64:  # room for stuffed dots
                dropped, data, searched = True, data[-len(_END) :], 0
            chunk = await self._reader.read(_EVERYTHING)
            if not chunk:
                raise ConnectionResetError("the client left within DATA")
            self.data_came()
            data += chunk
        with memoryview(data) as view:
            rest, content = bytes(view[found + len(_END) :]), bytes(view[2 : found + 2])
        del data
        if rest:  # pipelined commands: they go back, before anything else is read
            self._reader.feed_data(rest)
        if content.startswith(b"."):
            content = content[1:]
        for stuffed, plain in _STUFFING:
            content = content.replace(stuffed, plain)
        return None if dropped or len(content) > MAX_MESSAGE_BYTES else content

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """Read a path and what follows it; (None, None): it is not a path, and the client gets 553.

        aiosmtpd's own asks Python's parser of header fields, which takes comments, raises IndexError for some paths
        and RecursionError for nested ones. ``<>`` stays as it is: aiosmtpd knows by it that MAIL was given.
        """
        found = _PATH.fullmatch(arg)
        if found is None or not arg.translate(_JOINERS).isprintable():  # nor are bytes that are not UTF-8
            return None, None
        address = found["bare"] if found["path"] is None else found["path"]
        return address or "<>", (found["parameters"] or "").strip()


async def name_the_fault(error: Exception) -> str:
    """Name a fault without its text, which may hold mail, and return an answer: the client keeps the message."""
    print(f"postroom: SMTP: {type(error).__name__}", file=sys.stderr)
    return "451 4.3.0 Requested action aborted: error in processing"
