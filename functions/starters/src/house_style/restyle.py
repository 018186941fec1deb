"""What becomes of a message: a list of edits, each a span of its bytes and what stands there instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .attachments import removals
from .disclaimer import additions, bodies, decoded
from .mime import UnreadableError, parse
from .subject import tagged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .mime import Edit, Part
    from .settings import Settings

SEALED = {
    "multipart/signed",
    "multipart/encrypted",
    "application/pkcs7-mime",
    "application/x-pkcs7-mime",
    "application/pgp-encrypted",
}
"""Types whose content nobody but the sender may change. Source: RFC 1847, 8551, 3156."""


@dataclass(frozen=True)
class Restyled:
    """The new content, and what was done to get it (no content of the message in it)."""

    content: bytes
    done: tuple[str, ...] = ()


def restyle(raw: bytes, settings: Settings) -> Restyled:
    """Return the message as the settings want it; the same bytes where there is nothing to do.

    Raises:
        UnreadableError: it is not built as MIME says.
    """
    message = parse(raw)
    if is_sealed(raw, message):
        return Restyled(raw, ("signed or encrypted: left alone",))
    removed, edits = removals(raw, message, settings.forbidden_extensions, lambda inner: is_sealed(raw, inner))
    done = [f"attachments taken out: {len(removed)}"] if removed else []
    if settings.subject_tag and (edit := tagged(raw, message, settings.subject_tag)):
        edits.append(edit)
        done.append("subject tagged")
    if settings.disclaimer_text:
        for part in bodies(message):
            if part in removed:
                continue
            more, said = additions(raw, part, settings)
            edits += more
            done.append(said)
    return Restyled(edited(raw, edits), tuple(done))


def is_sealed(raw: bytes, message: Part) -> bool:
    """Whether a message is signed or encrypted, as a whole or in a part; messages attached to it do not count."""
    if message.content_type in SEALED:
        return True
    if message.content_type == "message/rfc822":
        return False
    if any(is_sealed(raw, part) for part in message.parts):
        return True
    if message.parts or not message.content_type.startswith("text/"):
        return False
    content = decoded(raw, message)
    return content is not None and b"-----BEGIN PGP " in content


def edited(raw: bytes, edits: Iterable[Edit]) -> bytes:
    """Return the bytes with every edit made: (start, end, replacement); edits do not overlap."""
    pieces: list[bytes] = []
    at = 0
    for start, end, replacement in sorted(edits, key=lambda edit: edit[:2]):
        if start < at:
            raise UnreadableError("two changes at one place")
        pieces += [raw[at:start], replacement]
        at = end
    return b"".join([*pieces, raw[at:]])
