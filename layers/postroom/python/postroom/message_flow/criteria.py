"""What a content must be to take a message's place.

WorkMail names the criteria and keeps its lists for its error messages: well-formed multiparts, attachment types that
SES takes, lines of at most 1,000 characters, all required fields, immutable fields unchanged, unique fields at most
once (RawMessageContent in botocore's model; guide, ZH:4299). Which fields those are is ours, and so are the texts.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from postroom.contracts.message_flow import MessageRejected
from postroom.errors import MalformedMimeError
from postroom.mime.encoded_words import decode
from postroom.mime.headers import Headers
from postroom.mime.ses_fields import own_bytes
from postroom.mime.structure import parts
from postroom.model.limits import MAX_ATTACHMENTS, MAX_LINE_BYTES, MAX_MESSAGE_BYTES, MB

UNIQUE: Final = (
    "Date",
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Subject",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
)
"""Fields that stand at most once. Source: RFC 5322, 3.6; RFC 2045, 3."""

REQUIRED: Final = ("From",)
"""Fields that must stand there. Ours: RFC 5322's other one, Date, only where the message came with it."""

KEPT: Final = ("Date",)
"""Fields that must stand there if the message came with them. Ours."""

IMMUTABLE: Final = ("Message-ID",)
"""Fields that stay as they came; one that was not there may be added. Ours: the event log, journals and threads know a
message by its Message-ID."""

FORBIDDEN_EXTENSIONS: Final = frozenset(
    """
    ade adp app asp bas bat cer chm cmd com cpl crt csh der exe fxp gadget hlp hta inf ins isp its js jse ksh lib lnk
    mad maf mag mam maq mar mas mat mau mav maw mda mdb mde mdt mdw mdz msc msh msh1 msh2 mshxml msh1xml msh2xml msi msp
    mst ops pcd pif plg prf prg reg scf scr sct shb shs sys ps1 ps1xml ps2 ps2xml psc1 psc2 tmp url vb vbe vbs vps
    vsmacros vss vst vsw vxd ws wsc wsf wsh xnk
    """.split()  # noqa: SIM905 - a list of ninety short strings is no easier to read
)
"""Extensions of attachments that SES refuses. Source: SES developer guide, "Unsupported attachment types"."""

MAX_HEADER_BYTES: Final = MB
"""Longest header block of a content, in bytes. Ours."""

_FIELD: Final = re.compile(rb"[!-9;-~]+:")


def check(content: bytes, original: Headers) -> None:
    """Let a content pass, or say what is wrong with it.

    Args:
        original: of the message as it came.

    Raises:
        MessageRejected: the text names the criterion and the place, and quotes nothing of the content.
    """
    _check_size(len(content) - own_bytes(content))
    _check_lines(content)
    _check_fields(content, original)
    attachments = 0
    try:
        for part in parts(content):
            attachments += part.is_attachment
            for filename in part.filenames:
                _check_filename(filename)
    except MalformedMimeError as error:
        raise MessageRejected(f"The message is not well-formed: {error}.") from error
    if attachments > MAX_ATTACHMENTS:
        raise MessageRejected(f"The message has more than {MAX_ATTACHMENTS} attachments.")


def _check_size(size: int) -> None:
    if size > MAX_MESSAGE_BYTES:
        raise MessageRejected(f"The message is larger than {MAX_MESSAGE_BYTES // MB} MB.")


def _check_lines(content: bytes) -> None:
    """Look for a line that is too long; a bare LF counts as the CRLF that it will be on the wire."""
    longest, at, size = MAX_LINE_BYTES - 2, 0, len(content)
    while size - at > longest:
        # every line that ends in this stretch is short enough: go on behind the last of them
        end = content.rfind(b"\n", at, at + longest + 1)
        if end >= 0:
            at = end + 1
        elif content[at + longest : at + MAX_LINE_BYTES] == b"\r\n":
            at += MAX_LINE_BYTES
        elif content[at + longest :] == b"\r":
            return
        else:
            number = content.count(b"\n", 0, at) + 1
            raise MessageRejected(
                f"Line {number} is longer than {MAX_LINE_BYTES} characters, its line end included; encode the part."
            )


def _check_fields(content: bytes, original: Headers) -> None:
    headers = Headers.of(content)
    if len(headers.block) > MAX_HEADER_BYTES:
        raise MessageRejected(f"The message's header is longer than {MAX_HEADER_BYTES // MB} MB.")
    _check_field_lines(headers.block)
    counts = Counter(headers.names())
    before = set(original.names())
    for name in UNIQUE:
        if counts[name.lower()] > 1:
            raise MessageRejected(f"The field {name} stands more than once.")
    for name in (*REQUIRED, *(name for name in KEPT if name.lower() in before)):
        if not headers.text(name):
            raise MessageRejected(f"The required field {name} is missing.")
    for name in IMMUTABLE:
        came = original.text(name, MAX_HEADER_BYTES)
        if came and headers.text(name, MAX_HEADER_BYTES) != came:
            raise MessageRejected(f"The field {name} must stay as it was.")


def _check_field_lines(block: bytes) -> None:
    lines = block.split(b"\n")
    for number, line in enumerate(lines, 1):
        text = line.rstrip(b"\r")
        if not text:
            return
        is_continuation = number > 1 and text[:1] in (b" ", b"\t")
        if not (is_continuation or _FIELD.match(text)):
            raise MessageRejected(f"Line {number} of the header is no field.")


def _check_filename(filename: str) -> None:
    """Refuse an extension of SES's list, whatever its case, its dots and spaces, and invisible marks.

    UTF-7 is no charset for us, but some readers decode it.
    """
    text = decode(filename)
    for reading in dict.fromkeys((text, text.encode("ascii", "ignore").decode("utf-7", "ignore"))):
        name = "".join(mark for mark in reading if mark.isprintable()).replace(" ", "").rstrip(".")
        extension = name.rpartition(".")[2].lower()
        if "." in name and extension in FORBIDDEN_EXTENSIONS:
            raise MessageRejected(f"Attachments of type .{extension} are not allowed.")
