"""A journal report: what an envelope said, and the message byte for byte.

    multipart/mixed { text/plain: the report; message/rfc822: the message }

Source: Exchange's format, [MS-XJRNL] and its grammar (contracts 8): Sender, [On-Behalf-Of], Subject, Message-ID, then a
line per recipient: To, Cc or Bcc where the addressing is known, else Recipient, perhaps with ``, Expanded: <group>``.
WorkMail's header field is known from one reader alone, the archiver piler. Ours, of submitted messages: Bcc is left
out, as it was when the message left; a recipient that neither To nor Cc names is one of Bcc.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.mime import writing
from postroom.mime.headers import Headers
from postroom.model.addresses import Address
from postroom.model.directory import EntityKind, EntityState
from postroom.model.recipient_names import RecipientNames
from postroom.model.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from postroom.contracts.journal_orders import JournalOrder
    from postroom.model.directory import Addressee
    from postroom.ports.directory import Addressees

MAX_TEXT_CHARACTERS: Final = 240
"""Longest subject or message id in a report, in characters; longer ones are cut. Ours: a line has at most 998 bytes."""

NULL_SENDER: Final = "<>"
"""The sender of a message that names none."""

_CRLF: Final = "\r\n"


@dataclass(frozen=True, slots=True)
class Line:
    """One recipient of a report. ``group``: the envelope recipient that led to it, if that is a group."""

    name: str
    address: str
    group: str = ""

    @property
    def text(self) -> str:
        """The line as the grammar has it."""
        return f"{self.name}: {self.address}" + (f", Expanded: {self.group}" if self.group else "")


def recipient_lines(order: JournalOrder, headers: Headers, directory: Addressees) -> list[Line]:
    """Return a line for each recipient, groups of the organization expanded; each address once.

    A recipient that the envelope names itself has no group beside it. Members of members are expanded, too, and named
    with the group of the envelope. Members that get no mail are left out; a group without others stays as it is.

    Raises:
        StoreUnavailableError: the directory did not answer.
    """
    naming = _fields(headers) if order.submitted else lambda _recipient: None
    usual = "Bcc" if order.submitted else "Recipient"
    groups = _groups(order, directory)
    found = {each: Line(naming(each) or usual, each) for each in order.recipients if each not in groups}
    for each, group in groups.items():
        name, reached = naming(each) or usual, False
        for address in _members(order.organization_id, group, directory):
            found.setdefault(address, Line(name, address, each))
            reached = True
        if not reached:
            found.setdefault(each, Line(name, each))
    order_of = {"To": 0, "Cc": 1, "Bcc": 2, "Recipient": 3}
    return sorted(found.values(), key=lambda line: order_of[line.name])


def journal_report(order: JournalOrder, original: bytes, directory: Addressees) -> bytes:
    """Return the whole report, with CRLF; the same for each attempt, as long as the groups are the same.

    Args:
        original: the message, without Bcc.

    Raises:
        StoreUnavailableError: the directory did not answer.
    """
    headers = Headers.of(original)
    subject = one_line(headers.text("Subject"))[:MAX_TEXT_CHARACTERS]
    text = _text(order, headers, subject, recipient_lines(order, headers, directory)).encode("utf-8", "replace")
    boundary = unused_boundary(order, original)
    head = [
        *_head(order, subject),
        f'Content-Type: multipart/mixed; boundary="{boundary}"',
        f"Content-Transfer-Encoding: {encoding(original if text.isascii() else text)}",
        "",
        f"--{boundary}",
        'Content-Type: text/plain; charset="utf-8"',
        f"Content-Transfer-Encoding: {encoding(text)}",
        "",
        "",
    ]
    between = [
        "",  # the end of a line before a boundary belongs to the boundary
        f"--{boundary}",
        "Content-Type: message/rfc822",
        f"Content-Transfer-Encoding: {encoding(original)}",
        "",
        "",
    ]
    end = f"{_CRLF}--{boundary}--{_CRLF}"
    return b"".join([_joined(head), text, _joined(between), original, end.encode()])


def _head(order: JournalOrder, subject: str) -> list[str]:
    """Return the report's header fields, without those of its content."""
    return [
        f"From: <{order.author}>",
        f"To: <{order.address}>",
        f"Subject: {writing.encoded(subject)}",
        f"Date: {writing.date(order.since)}",
        f"Message-ID: {report_id(order)}",
        "X-MS-Journal-Report:",  # after To and Message-ID, which piler then forgets: they are the report's own
        "X-WM-Journal-Report: journal",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
    ]


def report_id(order: JournalOrder) -> str:
    """Return the Message-ID of a report, or of the notice that it failed: the same for each attempt."""
    digest = hashlib.sha256(f"{order.key}\0{order.trace}".encode()).hexdigest()[:32]
    return f"<{digest}@{order.author.rpartition('@')[2]}>"


def _text(order: JournalOrder, headers: Headers, subject: str, lines: list[Line]) -> str:
    author, sender = headers.address("From"), headers.address("Sender")
    first = author or order.envelope_from or NULL_SENDER
    said = [f"Sender: {one_line(sender or first)}"]
    if sender and sender != author and author:
        said.append(f"On-Behalf-Of: {one_line(author)}")
    said.append(f"Subject: {subject}")
    said.append(f"Message-ID: {one_line(headers.text('Message-ID'))[:MAX_TEXT_CHARACTERS]}")
    return "".join(f"{line}{_CRLF}" for line in [*said, *(line.text for line in lines)])


def _fields(headers: Headers) -> Callable[[str], str | None]:
    """Return what tells the field that names a recipient, To before Cc: in the same case, else in another."""
    found: dict[str, str] = {}
    for name in ("To", "Cc"):
        for address in headers.written_addresses(name):
            found.setdefault(str(address), name)
    names = RecipientNames.of(found)

    def naming(recipient: str) -> str | None:
        address = Address.written(recipient)
        return next((found[each] for each in names.meant_by(address)), None) if address else None

    return naming


def _groups(order: JournalOrder, directory: Addressees) -> Mapping[str, Addressee]:
    """Return the groups among the recipients, in their order, by their addresses in the envelope."""
    ours = {each: _untagged(each) for each in order.recipients if each.rpartition("@")[2] in order.domains}
    if not ours:
        return {}
    owners = directory.resolve(order.organization_id, {*ours, *ours.values()})
    found = {each: owners.get(each) or owners.get(bare) for each, bare in ours.items()}
    return {each: owner for each, owner in found.items() if owner is not None and _is_open_group(owner)}


def _untagged(recipient: str) -> str:
    address = Address.parse(recipient)
    return recipient if address is None else str(address.without_tag())


def _members(organization_id: str, group: Addressee, directory: Addressees) -> Iterator[str]:
    """Yield the addresses of members, nested groups' too; each group is visited once."""
    seen, waiting = {group.entity_id}, [group.entity_id]
    while waiting:
        for member in directory.members(organization_id, waiting.pop(0)):
            if _is_open_group(member) and member.entity_id not in seen:
                seen.add(member.entity_id)
                waiting.append(member.entity_id)
            elif member.has_mailbox and member.primary_address:
                yield member.primary_address


def _is_open_group(addressee: Addressee) -> bool:
    return addressee.kind is EntityKind.GROUP and addressee.state is EntityState.ENABLED


def unused_boundary(order: JournalOrder, content: bytes) -> str:
    """Return a boundary that what is attached does not contain; the same for each attempt."""
    number = 0
    while True:
        digest = hashlib.sha256(f"{order.trace}\0{order.key}\0{number}".encode()).hexdigest()[:40]
        if digest.encode() not in content:
            return f"=_{digest}"
        number += 1


def encoding(content: bytes) -> str:
    """Return the encoding of bytes that are attached as they are."""
    return "7bit" if content.isascii() else "8bit"


def _joined(lines: list[str]) -> bytes:
    return _CRLF.join(lines).encode("utf-8", "replace")
