"""SMTP as a client speaks it: replies, addresses and content.

Source: RFC 5321; RFC 2034 and 3463 (enhanced status codes), RFC 6531 (addresses in UTF-8).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.model.addresses import Address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_LINE_BYTES: Final = 8192
"""Longest line of a reply that is read. RFC 5321, 4.5.3.1.5 has 512; smtplib reads as many as this."""

MAX_REPLY_LINES: Final = 128
"""Most lines of a reply that are read. Ours; the longest replies to EHLO have about 30."""

CRLF: Final = b"\r\n"

END_OF_CONTENT: Final = b".\r\n"
"""Source: RFC 5321, 4.1.1.4; the content before it ends in CRLF."""

CONTENT_PIECE_BYTES: Final = 64 * 1024

_LINE: Final = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_STATUS: Final = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |$)", re.ASCII)
_OTHER_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_HEADER_END: Final = re.compile(rb"\r?\n\r?\n")


class UnreadableReplyError(ValueError):
    """Bytes that are no reply of SMTP."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply; ``lines`` are its texts, without codes and enhanced status codes.

    Attributes:
        status: enhanced status code of the class that the code has; empty if there is none.
    """

    code: int
    status: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """All lines in one."""
        return " ".join(line for line in self.lines if line)

    @property
    def is_positive(self) -> bool:
        """Whether the command is done (2yz)."""
        return 200 <= self.code < 300

    @classmethod
    def of(cls, lines: list[bytes]) -> Reply:
        """Read a reply by its lines, without their line ends.

        Raises:
            UnreadableReplyError: a line is none of a reply, or they have different codes.
        """
        found = [_LINE.fullmatch(line) for line in lines]
        codes = {each[1] if each else b"" for each in found}
        if len(codes) != 1 or b"" in codes:
            raise UnreadableReplyError
        code = int(codes.pop())
        texts = [(each[3] or b"").decode("utf-8", "replace") for each in found if each]
        status = ""
        for place, text in enumerate(texts):
            of_line = _STATUS.match(text)
            if of_line and int(text[0]) == code // 100:
                status = status or of_line[1]
                texts[place] = text[of_line.end() :]
        return cls(code, status, tuple(texts))


def is_last(line: bytes) -> bool:
    """Say whether a line of a reply is its last one, or none at all."""
    return line[3:4] != b"-"


def offers(reply: Reply) -> Mapping[str, tuple[str, ...]]:
    """Return the extensions that a reply to EHLO lists: upper-case keywords with their upper-case parameters.

    ``AUTH=PLAIN``, which servers of the time before RFC 4954 list, counts as ``AUTH PLAIN``.
    """
    listed: dict[str, tuple[str, ...]] = {}
    for line in reply.lines[1:]:  # the first has the server's name
        words = line.upper().replace("AUTH=", "AUTH ", 1).split()
        if words:
            listed[words[0]] = (*listed.get(words[0], ()), *words[1:])
    return listed


def path(text: str) -> str | None:
    """Return an address as MAIL and RCPT have it, its domain in A-labels; ``None`` if it is no address.

    The null sender is empty and stays so. It needs SMTPUTF8 unless it is ASCII.
    """
    if not text:
        return ""
    read = Address.parse(text)
    if read is None or not read.is_bare or text != text.strip():
        return None
    return f"{text.rpartition('@')[0]}@{read.domain}"


def is_header_ascii(content: bytes) -> bool:
    """Say whether a message's header is ASCII; RFC 6532 has messages of which it is not."""
    end = _HEADER_END.search(content)
    return content[: end.start() if end else len(content)].isascii()


def size_bytes(content: bytes) -> int:
    """Return the size of a message for the parameter SIZE: with CRLF, without doubled dots (RFC 1870, 6)."""
    ends = content.count(CRLF)
    return len(content) + content.count(b"\n") + content.count(b"\r") - 2 * ends


def stuffed(content: bytes) -> Iterator[bytes]:
    """Yield a message as DATA takes it, in pieces: every line ends in CRLF, a dot that begins a line is doubled.

    A bare CR or LF becomes CRLF, because RFC 5321, 2.3.8 forbids them, and servers differ in what they take for the end
    of the message. ``END_OF_CONTENT`` is left to the caller.
    """
    view, at, begins_line = memoryview(content), 0, True
    while at < len(content):
        end = _cut(content, at)
        piece = bytes(view[at:end])
        ends = piece.count(CRLF)
        if piece.count(b"\n") != ends or piece.count(b"\r") != ends:
            piece = _OTHER_LINE_END.sub(CRLF, piece)
        piece = piece.replace(b"\r\n.", b"\r\n..")
        yield b"." + piece if begins_line and piece[0] == ord(".") else piece
        at, begins_line = end, piece.endswith(CRLF)
    if not begins_line:
        yield CRLF


def _cut(content: bytes, start: int) -> int:
    """Return where a piece ends: after a line, or anywhere in a long one, but not between CR and LF."""
    end = start + CONTENT_PIECE_BYTES
    if end >= len(content):
        return len(content)
    line_end = content.rfind(b"\n", start, end)
    if line_end >= 0:
        return line_end + 1
    return end - 1 if content[end - 1] == ord("\r") else end
