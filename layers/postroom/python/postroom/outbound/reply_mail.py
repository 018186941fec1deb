"""The bytes of an out-of-office reply. Source: RFC 3834 3; X-Auto-Response-Suppress as Exchange writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.mime import automatic, writing

if TYPE_CHECKING:
    from postroom.mime.headers import Headers

MAX_TITLE: Final = 200
"""Most characters of the message's subject in the reply's. Ours."""


@dataclass(frozen=True, slots=True)
class ReplyMail:
    """One reply to one message.

    Attributes:
        headers: of the message.
        text: what the owner of the mailbox wants to say.
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
        encoding, body = writing.part(self.text.encode("utf-8", "replace"))
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
            "Content-Type: text/plain; charset=utf-8",
            f"Content-Transfer-Encoding: {encoding}",
        ]
        ends = b"" if body.endswith(b"\r\n") else b"\r\n"
        return "".join(f"{line}\r\n" for line in head).encode("ascii") + b"\r\n" + body + ends
