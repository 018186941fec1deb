"""Criteria for content that replaces a message.

WorkMail publishes the criteria: well-formed multiparts, attachment types that SES accepts, lines of at most 1,000
characters, all required fields, immutable fields unchanged, unique fields at most once (RawMessageContent in botocore's
model; guide, ZH:4299). It does not publish the lists of fields. Those lists, and the error texts, are ours.
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
"""Fields that may occur at most once. Source: RFC 5322, 3.6; RFC 2045, 3."""

REQUIRED: Final = ("From",)
"""Required fields. Ours: RFC 5322 also requires Date; it is required here only if the original message has it."""

REQUIRED_IF_ORIGINAL: Final = ("Date",)
"""Fields that are required if the original message has them. Ours."""

IMMUTABLE: Final = ("Message-ID",)
"""Fields that must not change; a missing one may be added. Ours: the event log, journals and threads identify a message
by its Message-ID."""

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
"""Longest header block of new content, in bytes. Ours."""

_FIELD: Final = re.compile(rb"[!-9;-~]+:")


def check(content: bytes, original: Headers) -> None:
    """Check new content against the criteria.

    Args:
        original: headers of the original message.

    Raises:
        MessageRejected: a criterion is not met. The text names the criterion and the place, and quotes no content.
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
    """Reject a line that is too long; a bare LF counts as CRLF, which it becomes when the message is sent."""
    longest, at, size = MAX_LINE_BYTES - 2, 0, len(content)
    while size - at > longest:
        # every line that ends within this window is short enough: continue after the last of them
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
    original_names = set(original.names())
    for name in UNIQUE:
        if counts[name.lower()] > 1:
            raise MessageRejected(f"The field {name} occurs more than once.")
    for name in (*REQUIRED, *(name for name in REQUIRED_IF_ORIGINAL if name.lower() in original_names)):
        if not headers.text(name):
            raise MessageRejected(f"The required field {name} is missing.")
    for name in IMMUTABLE:
        before = original.text(name, MAX_HEADER_BYTES)
        if before and headers.text(name, MAX_HEADER_BYTES) != before:
            raise MessageRejected(f"The field {name} must not be changed.")


def _check_field_lines(block: bytes) -> None:
    lines = block.split(b"\n")
    for number, line in enumerate(lines, 1):
        text = line.rstrip(b"\r")
        if not text:
            return
        is_continuation = number > 1 and text[:1] in (b" ", b"\t")
        if not (is_continuation or _FIELD.match(text)):
            raise MessageRejected(f"Line {number} of the header is not a header field.")


def _check_filename(filename: str) -> None:
    """Reject an extension of SES's list, regardless of case, trailing dots, spaces and invisible characters.

    We do not decode UTF-7, but some mail clients do; the name is therefore also checked as UTF-7.
    """
    text = decode(filename)
    for reading in dict.fromkeys((text, text.encode("ascii", "ignore").decode("utf-7", "ignore"))):
        name = "".join(mark for mark in reading if mark.isprintable()).replace(" ", "").rstrip(".")
        extension = name.rpartition(".")[2].lower()
        if "." in name and extension in FORBIDDEN_EXTENSIONS:
            raise MessageRejected(f"Attachments of type .{extension} are not allowed.")
