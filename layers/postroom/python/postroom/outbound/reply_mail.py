"""The bytes of an out-of-office reply. Source: RFC 3834 3; X-Auto-Response-Suppress as Exchange writes it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.mime import automatic, writing
from postroom.model import html_text

if TYPE_CHECKING:
    from postroom.mime.headers import Headers

MAX_TITLE: Final = 200
"""Most characters of the message's subject in the reply's. Ours."""


@dataclass(frozen=True, slots=True)
class ReplyMail:
    """One reply to one message.

    Attributes:
        headers: of the message.
        text: what the owner of the mailbox wants to say; HTML is sent as it is, beside its text alone.
        author, to: addresses, as ``mime.automatic.writable`` returns them.
        message_id: of the reply, with angle brackets.
    """

    headers: Headers
    text: str
    author: str
    to: str
    message_id: str

    @property
    def subject(self) -> str:
        """The subject of the reply, decoded. Source: RFC 3834 3.1.5."""
        return f"Auto: {self.headers.text('Subject')[:MAX_TITLE]}".rstrip()

    def content(self, *, now: int) -> bytes:
        """Return the whole message, with CRLF. ``now`` in milliseconds since the epoch."""
        fields, body = self._html() if html_text.is_html(self.text) else self._plain()
        head = [
            f"From: {self.author}",
            f"To: {self.to}",
            f"Subject: {writing.encoded(self.subject)}",
            f"Date: {writing.date(now)}",
            f"Message-ID: {self.message_id}",
            *automatic.thread(self.headers),
            "Auto-Submitted: auto-replied",
            "X-Auto-Response-Suppress: All",
            "MIME-Version: 1.0",
            *fields,
        ]
        return "".join(f"{line}\r\n" for line in head).encode("ascii") + body

    def _plain(self) -> tuple[list[str], bytes]:
        """Return the fields of the only part, and it with the empty line before it."""
        encoding, body = writing.part(_line_ended(self.text))
        return [f"Content-Type: {_PLAIN}", f"Content-Transfer-Encoding: {encoding}"], b"\r\n" + body

    def _html(self) -> tuple[list[str], bytes]:
        """Return the field that introduces both parts, and them with the empty line before them."""
        boundary = "=_" + hashlib.sha256(self.message_id.encode()).hexdigest()[:40]
        texts = ((_PLAIN, html_text.plain(self.text)), ("text/html; charset=utf-8", self.text))
        parts = [(kind, *writing.part(_line_ended(text))) for kind, text in texts]
        field = f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"'
        return [field], writing.parts(boundary, parts, preamble="An automatic reply.")


_PLAIN: Final = "text/plain; charset=utf-8"


def _line_ended(text: str) -> bytes:
    """Return a text as UTF-8 that ends with a line end."""
    return text.encode("utf-8", "replace") + (b"" if text.endswith(("\n", "\r")) else b"\n")
