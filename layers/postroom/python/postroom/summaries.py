"""What the index keeps of a message for lists, search and threads: one ciphertext under the mailbox key."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from postroom.mime.headers import Headers
from postroom.model.addresses import Address
from postroom.model.mailbox import summary_place
from postroom.sealing import Random, open_entry, seal_entry

MAX_ADDRESSES: Final = 50
"""Most addresses that the summary keeps of one field; the message itself has them all. Ours."""

MAX_REFERENCES: Final = 20
"""Most references that the summary keeps: the first, and the last nineteen. Ours."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a list of messages shows. Addresses lower-case without names; ``date`` is milliseconds since the epoch.

    ``from_`` is the field's beginning as text, ``from_address`` its first address or nothing. ``is_cut`` names the
    lists of addresses that the message has more of.
    """

    subject: str
    from_: str
    from_address: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    date: int | None
    message_id: str
    in_reply_to: str
    references: tuple[str, ...]
    envelope_from: str
    delivered_to: str
    is_cut: tuple[str, ...] = ()

    def dump(self) -> bytes:
        """Return the summary as JSON bytes; empty fields are left out."""
        fields = {name: value for name, value in asdict(self).items() if value not in ("", (), None)}
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")

    @classmethod
    def load(cls, dumped: bytes) -> Summary:
        """Read back what ``dump`` wrote."""
        fields: dict[str, Any] = json.loads(dumped)
        texts: dict[str, Any] = {name: fields.get(name, "") for name in _TEXTS}
        lists: dict[str, Any] = {name: tuple(fields.get(name, ())) for name in _LISTS}
        return cls(**texts, **lists, date=fields.get("date"))


_TEXTS: Final = ("subject", "from_", "from_address", "message_id", "in_reply_to", "envelope_from", "delivered_to")
_LISTS: Final = ("to", "cc", "references", "is_cut")


def summarize(headers: Headers, *, envelope_from: str = "", delivered_to: str = "") -> Summary:
    """Return what the index keeps of a message."""
    references = tuple(headers.text("References", 20_000).split())
    if len(references) > MAX_REFERENCES:
        references = (references[0], *references[1 - MAX_REFERENCES :])
    author = headers.address("From")
    lists = {name: headers.addresses(name, MAX_ADDRESSES + 1) for name in ("to", "cc")}
    return Summary(
        subject=headers.text("Subject"),
        from_=headers.text("From", 320),
        from_address=author if _is_address(author) else "",
        to=lists["to"][:MAX_ADDRESSES],
        cc=lists["cc"][:MAX_ADDRESSES],
        date=headers.date(),
        message_id=headers.text("Message-ID"),
        in_reply_to=headers.text("In-Reply-To"),
        references=references,
        envelope_from=envelope_from,
        delivered_to=delivered_to,
        is_cut=tuple(name for name, found in lists.items() if len(found) > MAX_ADDRESSES),
    )


def _is_address(text: str) -> bool:
    address = Address.parse(text)
    return address is not None and address.is_bare


@dataclass(frozen=True, slots=True)
class Described:
    """What the index has of a message's content; ``summary`` is sealed."""

    summary: bytes
    conversation: str
    has_attachments: bool


def describe(
    content: bytes,
    *,
    mailbox_id: str,
    token: str,
    mailbox_key: bytes,
    random: Random,
    envelope_from: str = "",
    delivered_to: str = "",
) -> Described:
    """Return what the index has of a message that enters a mailbox as the item with a token."""
    headers = Headers.of(content)
    summary = summarize(headers, envelope_from=envelope_from, delivered_to=delivered_to)
    place = summary_place(mailbox_id, token)
    return Described(
        summary=seal_entry(summary.dump(), mailbox_key=mailbox_key, place=place, random=random),
        conversation=conversation_id(summary, mailbox_key=mailbox_key, token=token),
        has_attachments=_looks_like_attachments(headers),
    )


def open_summary(sealed: bytes, *, mailbox_key: bytes, mailbox_id: str, token: str) -> Summary:
    """Open an item's summary.

    Raises:
        UnreadableMailError: it belongs to another mailbox or item, or was changed.
    """
    place = summary_place(mailbox_id, token)
    return Summary.load(open_entry(sealed, mailbox_key=mailbox_key, place=place))


def conversation_id(summary: Summary, *, mailbox_key: bytes, token: str) -> str:
    """Return the thread's id, 32 hexadecimal digits: keyed, so that the table does not betray Message-IDs.

    A thread is known by its first message: the first reference, else what it replies to, else its own Message-ID.
    """
    root = next(iter((*summary.references, summary.in_reply_to, summary.message_id)), "") or summary.message_id or token
    return hmac.new(mailbox_key, b"conversation\0" + root.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:32]


def _looks_like_attachments(headers: Headers) -> bool:
    """Guess from the header block alone: multipart/mixed, or a disposition of its own."""
    kind = headers.text("Content-Type", 200).lower()
    return kind.startswith("multipart/mixed") or headers.text("Content-Disposition", 200).lower().startswith("attach")
