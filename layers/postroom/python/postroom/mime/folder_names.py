"""IMAP's modified UTF-7 in names of Maildir folders. Source: RFC 3501, 5.1.3; Dovecot and Courier write it."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

_SHIFTED: Final = re.compile(r"&([A-Za-z0-9+,]*)-")
_UNSHIFTED: Final = re.compile(r"[^\x20-\x7e]+|&")


def decoded(name: str) -> str:
    """Return the text of a name; a name that is no canonical modified UTF-7 is returned as it is."""
    if "&" not in name or not name.isascii():
        return name
    try:
        text = _SHIFTED.sub(lambda found: _text(found[1]), name)
    except (ValueError, binascii.Error):
        return name
    return text if encoded(text) == name else name


def encoded(text: str) -> str:
    """Return a text in modified UTF-7."""
    return _UNSHIFTED.sub(lambda found: "&-" if found[0] == "&" else f"&{_shifted(found[0])}-", text)


def _text(shifted: str) -> str:
    if not shifted:
        return "&"
    padded = shifted.replace(",", "/") + "=" * (-len(shifted) % 4)
    return base64.b64decode(padded, validate=True).decode("utf-16-be")


def _shifted(text: str) -> str:
    return base64.b64encode(text.encode("utf-16-be", "surrogatepass")).decode().rstrip("=").replace("/", ",")
