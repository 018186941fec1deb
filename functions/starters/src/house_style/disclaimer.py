"""The disclaimer: at the end of the text, in every alternative of it.

A text keeps its charset, its transfer encoding and its bytes; what is added is encoded likewise. Only where the charset
of a plain text has no letters for the disclaimer is that one part written anew, in UTF-8.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import email
import re
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .mime import Edit, Part
    from .settings import Settings

LEFT_ALONE = {"multipart/report", "multipart/digest", "multipart/form-data", "multipart/byteranges"}
"""Written by machines for machines."""

IDENTITY = ("7bit", "8bit", "binary")
WIDTH = 72
"""Columns of a plain text's lines."""

_CHARSET = re.compile(rb'(;\s*charset\s*=\s*)("[^"]*"|[^\s;"]+)', re.IGNORECASE)
_QP_TOKEN = re.compile(rb"=[0-9A-Fa-f]{2}|=[ \t]*\r?\n|.", re.DOTALL)


def bodies(part: Part) -> list[Part]:
    """Return the parts that are the text of a message: one, or its alternatives. Attachments are no text."""
    kind = part.content_type
    if part.is_attachment or kind in LEFT_ALONE:
        return []
    if kind in ("text/plain", "text/html"):
        return [part]
    if kind == "multipart/alternative":
        return [body for inner in part.parts for body in bodies(inner)]
    if kind.startswith("multipart/"):  # related and mixed, and what RFC 2046 (5.1.7) says to take for mixed
        return next((found for inner in part.parts if (found := bodies(inner))), [])
    return []


def decoded(raw: bytes, part: Part) -> bytes | None:
    """Return the content of a text without its transfer encoding; None where that cannot be undone."""
    body, encoding = raw[part.body_start : part.end], part.transfer_encoding
    if encoding in IDENTITY:
        return body
    try:
        if encoding == "base64":
            # strictly: what stands behind the padding, or between the letters, would be lost when it is written anew
            return base64.b64decode(body.translate(None, b" \t\r\n"), validate=True)
        if encoding == "quoted-printable":
            return binascii.a2b_qp(body)
    except ValueError:
        return None
    return None


def additions(raw: bytes, part: Part, settings: Settings) -> tuple[list[Edit], str]:
    """Return the edits that add the disclaimer to a text, and in words what was done."""
    kind = part.content_type
    if part.header_end == part.body_start:
        return [], f"{kind} left alone: it has no body"
    content = decoded(raw, part)
    codec = _codec(part.charset)
    if content is None or codec is None:
        return [], f"{kind} left alone: its encoding is not known"
    if _written_anyhow(settings.disclaimer_text).search(content.decode(codec, "replace")):
        return [], f"{kind} has the disclaimer already"
    newline = _line_end(raw, part, content)
    if kind == "text/html":
        at = _before_the_end_of(content)
        text, errors = _markup(settings, newline), "xmlcharrefreplace"
    else:
        at = len(content)
        lead = "" if not content or content.endswith(b"\n") else newline
        text, errors = lead + newline + _lines(settings.disclaimer_text, part, newline), "strict"
    added = _bytes(text, codec, part, errors)
    if added is None:
        return _in_utf8(raw, part, content, codec, text)
    return _inserted(raw, part, content, at, added), f"disclaimer in {kind}"


def _line_end(raw: bytes, part: Part, content: bytes) -> str:
    """Return how the lines of a content end; those of its header where it has none that tell."""
    shown = content if b"\n" in content else raw[part.start : part.body_start]
    return "\r\n" if b"\r\n" in shown else "\n"


def _codec(charset: str) -> str | None:
    """Return the codec of a charset, ASCII for one that nobody knows; None where ASCII is written in another way."""
    try:
        codec = codecs.lookup(charset).name
        b"\xff".decode(codec, "replace")  # what calls itself a codec and cannot do this, idna say, is no charset
        return codec if "a<\r\n".encode(codec) == b"a<\r\n" else None
    except (LookupError, ValueError):
        return "ascii"


def _bytes(text: str, codec: str, part: Part, errors: str) -> bytes | None:
    """Return text in a part's charset, in ASCII where the part promises 7 bits; None where it cannot be said so."""
    try:
        return text.encode("ascii" if part.transfer_encoding == "7bit" else codec, errors)
    except UnicodeEncodeError:
        return None


def _written_anyhow(text: str) -> re.Pattern[str]:
    """Return what finds a text however its lines are broken; words of 40 MB in a list would be a gigabyte."""
    return re.compile(r"\s+".join(map(re.escape, text.split())))


def _lines(text: str, part: Part, newline: str) -> str:
    """Wrap a plain text; in a flowed one (RFC 3676) a line must not look quoted, nor end in a blank."""
    lines: list[str] = []
    for line in text.splitlines():
        lines += textwrap.wrap(line, WIDTH, break_long_words=False, break_on_hyphens=False) or [""]
    if str(part.headers.get_param("format", "")).lower() == "flowed":
        lines = [f" {line}" if line.startswith((" ", ">", "From ")) else line for line in lines]
    return "".join(line + newline for line in lines)


def _markup(settings: Settings, newline: str) -> str:
    return "".join(line + newline for line in ["", *settings.disclaimer_html.splitlines()])


def _before_the_end_of(content: bytes) -> int:
    lower = content.lower()
    found = lower.rfind(b"</body")
    if found < 0:
        found = lower.rfind(b"</html")
    return len(content) if found < 0 else found


def _inserted(raw: bytes, part: Part, content: bytes, at: int, added: bytes) -> list[Edit]:
    """Return the edits that put bytes at a place of the decoded content."""
    encoding = part.transfer_encoding
    if encoding == "base64":
        newline = b"\r\n" if b"\r\n" in raw[part.start : part.end] else b"\n"
        return [(part.body_start, part.end, _base64(content[:at] + added + content[at:], newline))]
    if encoding == "quoted-printable":
        place, added = part.body_start + _qp_offset(raw[part.body_start : part.end], at), _qp(added)
        return [(place, place, added)]
    return [(part.body_start + at, part.body_start + at, added)]


def _base64(data: bytes, newline: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", newline)


def _qp_offset(body: bytes, at: int) -> int:
    """Return where in a quoted-printable text the byte stands that is number `at` when decoded."""
    decoded_so_far = offset = 0
    for line in body.splitlines(keepends=True):
        length = len(binascii.a2b_qp(line))
        if decoded_so_far + length > at:
            break
        decoded_so_far += length
        offset += len(line)
    else:
        return offset
    for token in _QP_TOKEN.finditer(line):
        if decoded_so_far >= at:
            break
        decoded_so_far += len(binascii.a2b_qp(token[0]))
        offset += len(token[0])
    return offset


def _qp(data: bytes) -> bytes:
    """Encode lines; each is encoded by itself, so that its end stays a hard line break."""
    lines = data.splitlines(keepends=True)
    encoded: list[bytes] = []
    for line in lines:
        text = line.rstrip(b"\r\n")
        newline = line[len(text) :]
        encoded += [binascii.b2a_qp(text).replace(b"=\n", b"=" + (newline or b"\n")), newline]
    return b"".join(encoded)


def _in_utf8(raw: bytes, part: Part, content: bytes, codec: str, text: str) -> tuple[list[Edit], str]:
    """Return the edits that write a plain text anew, in UTF-8 and base64, with the disclaimer."""
    kind = part.content_type
    try:
        whole = content.decode(codec) + text
    except UnicodeError:
        return [], f"{kind} left alone: it is not of its charset"
    newline = b"\r\n" if b"\r\n" in raw[part.start : part.end] else b"\n"
    typed, encoding = part.first("content-type"), part.first("content-transfer-encoding")
    edits: list[Edit] = []
    missing: list[bytes] = []
    if typed is None:
        if part.is_message and part.first("mime-version") is None:
            missing.append(b"MIME-Version: 1.0")
        missing.append(b'Content-Type: text/plain; charset="utf-8"')
    else:
        line = raw[typed.start : typed.end]
        renamed, count = _CHARSET.subn(rb'\1"utf-8"', line, count=1)
        if not count:
            renamed = line.rstrip(b"\r\n") + b'; charset="utf-8"' + newline
        odd = not count and "charset" in typed.value.lower()
        if odd or email.message_from_bytes(renamed).get_content_charset() != "utf-8":
            return [], f"{kind} left alone: its charset is written in an unusual way"
        edits.append((typed.start, typed.end, renamed))
    if encoding is None:
        missing.append(b"Content-Transfer-Encoding: base64")
    else:
        edits.append((encoding.start, encoding.end, b"Content-Transfer-Encoding: base64" + newline))
    if missing:
        edits.append((part.header_end, part.header_end, b"".join(each + newline for each in missing)))
    body = _base64(whole.encode(), newline)
    return [*edits, (part.body_start, part.end, body)], f"disclaimer in {kind}, now in UTF-8"
