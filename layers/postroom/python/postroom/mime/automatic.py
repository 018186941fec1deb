"""Automatic replies: which messages get none, and the fields that each one has.

Source: RFC 3834 (responders), RFC 5230 4.5 (vacation: mailing lists and system addresses), RFC 2076 (Precedence),
MS-OXCMAIL 2.2.3.2.14 (X-Auto-Response-Suppress).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from postroom.mime.address_lists import without_comments
from postroom.mime.headers import Headers
from postroom.model.addresses import MAX_ADDRESS_CHARACTERS, Address, a_label

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

NO_SENDER: Final = "the message came from the null sender: it gets no automatic reply"
MACHINE: Final = "the sender is a mail system or a mailing list"
AUTOMATIC: Final = "the message was sent automatically"
LIST: Final = "the message came by a mailing list or in bulk"
SUPPRESSED: Final = "its sender wants no automatic replies"
NO_ADDRESS: Final = "the sender has no address that mail can be sent to"
NOT_NAMED: Final = "the message names no address of the mailbox"

MACHINES: Final = frozenset({"mailer-daemon", "mailerdaemon", "postmaster", "listserv", "majordomo"})
"""Local parts of systems. Source: RFC 5230 4.5; ``mailerdaemon`` and ``postmaster`` ours."""

_LIST_FIELDS: Final = frozenset(
    f"list-{name}" for name in ("id", "help", "subscribe", "unsubscribe", "post", "owner", "archive")
)
"""Source: RFC 2369, RFC 2919."""

_BULK: Final = frozenset({"bulk", "list", "junk"})
"""Values of Precedence. Source: RFC 3834 2, which allows to look at it."""

_UNWANTED: Final = frozenset({"oof", "autoreply", "all"})
"""Values of X-Auto-Response-Suppress that mean replies to messages."""

_NAMING: Final = ("To", "Cc", "Bcc")
"""Fields of which one has to have an address of the responder, as they are or resent. Source: RFC 3834 2."""

MAX_NAMED: Final = 500
"""Most addresses of each of these fields that are looked at. Ours; a message has as many recipients."""

_RARE: Final = re.compile(
    rb"(?:\A|\n)(precedence|x-auto-response-suppress|resent-(?:to|cc|bcc))[ \t]*:((?:[^\r\n]|\r*+\n[ \t])*+)",
    re.IGNORECASE,
)
"""Fields that nothing else reads, so that ``mime.header_fields`` does not look for them in every message."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+")
_MESSAGE_ID: Final = re.compile(r"<[!-;=?-~]{1,250}>")
_MAX_REFERENCES: Final = 20
"""Most ids in References. Ours."""


def is_reply_or_report(headers: Headers) -> bool:
    """Say whether a message is an automatic reply or a report, to which no system answers, whatever it answers to."""
    is_reply = _any_begins(headers, "Auto-Submitted", "auto-replied")
    return is_reply or _any_begins(headers, "Content-Type", "multipart/report")


def unwanted(headers: Headers, envelope_from: str) -> str | None:
    """Return why a message gets no reply of a person who is away; ``None`` if it may get one.

    Of a field that occurs more than once, each value counts.

    Args:
        envelope_from: empty for a null sender.
    """
    if not envelope_from:
        return NO_SENDER
    if _is_machine(envelope_from):
        return MACHINE
    if is_reply_or_report(headers) or any(_word(text) != "no" for text in headers.texts("Auto-Submitted")):
        return AUTOMATIC
    if _LIST_FIELDS.intersection(headers.names()) or not _BULK.isdisjoint(_words(headers, "precedence")):
        return LIST
    return SUPPRESSED if not _UNWANTED.isdisjoint(_words(headers, "x-auto-response-suppress")) else None


def names(headers: Headers, own_addresses: Collection[str]) -> bool:
    """Say whether a message names one of some addresses (lower-case), with or without a tag."""
    named = [address for name in _NAMING for address in headers.addresses(name, MAX_NAMED)]
    for name, value in _rare(headers):
        if name.startswith("resent-"):
            named += Headers.of(b"To:" + value + b"\r\n\r\n").addresses("To", MAX_NAMED)
    return any(is_one_of(address, own_addresses) for address in named)


def is_one_of(text: str, own_addresses: Collection[str]) -> bool:
    """Say whether an address in any case, with or without a tag, is one of some addresses (lower-case)."""
    address = Address.parse(text)
    return address is not None and (str(address) in own_addresses or str(address.without_tag()) in own_addresses)


def writable(address: str) -> str | None:
    """Return an address as a header field can have it, its domain in A-labels; ``None`` if it is unusual.

    Quoted local parts, non-ASCII local parts and address literals are unusual: SES does not accept the last two, and
    the first are rare.
    """
    local, _, domain = address.strip().rpartition("@")
    plain = f"{local}@{a_label(domain)}"
    return plain if _PLAIN.fullmatch(plain) and len(plain) <= MAX_ADDRESS_CHARACTERS else None


def thread(headers: Headers) -> list[str]:
    """Return the fields In-Reply-To and References of a reply to a message (RFC 5322, 3.6.4), without line ends.

    Returns:
        Nothing if the message has no usable Message-ID.
    """
    parent = headers.text("Message-ID")
    if not _MESSAGE_ID.fullmatch(parent):
        return []
    before = [each for each in headers.text("References", 20_000).split() if _MESSAGE_ID.fullmatch(each)]
    if len(before) >= _MAX_REFERENCES:
        before = [before[0], *before[2 - _MAX_REFERENCES :]]
    return [f"In-Reply-To: {parent}", "References: " + "\r\n ".join([*before, parent])]


def _is_machine(address: str) -> bool:
    local = address.rpartition("@")[0].lower()
    return local in MACHINES or local.startswith("owner-") or local.endswith(("-request", "-owner"))


def _any_begins(headers: Headers, name: str, word: str) -> bool:
    return any(without_comments(text).lstrip().lower().startswith(word) for text in headers.texts(name))


def _rare(headers: Headers) -> Iterator[tuple[str, bytes]]:
    """Yield the fields of ``_RARE``, each with its name in lower case."""
    for found in _RARE.finditer(headers.block):
        yield found[1].decode("ascii").lower(), found[2]


def _words(headers: Headers, rare: str) -> set[str]:
    texts = (value.decode("ascii", "replace") for name, value in _rare(headers) if name == rare)
    return {_word(word) for text in texts for word in text.split(",")}


def _word(text: str) -> str:
    """Return a field's value without comments and parameters, lower-case."""
    return without_comments(text).partition(";")[0].strip().lower()
