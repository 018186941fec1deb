"""The header fields that SES puts in front of a message that it stores.

They are not part of the sender's message: its size and its hops are counted without them, and if its first line begins
with white space, that line continues none of them. Source of their names and order: messages that SES stored.
"""

from __future__ import annotations

import re
from typing import Final

from postroom.model.limits import MAX_ADDED_BYTES

_OWN: Final = re.compile(
    rb"Return-Path:[^\n]*+\nReceived:[^\n]*+\n"
    rb"(?:(?:[ \t]|X-SES-Spam-Verdict:|X-SES-Virus-Verdict:|Received-SPF:|Authentication-Results:)[^\n]*+\n)*+"
    rb"X-SES-RECEIPT:[^\n]*+\n"
)
_BY_SES: Final = b" by inbound-smtp."


def own_bytes(head: bytes) -> int:
    """Return the length in bytes of SES's own fields at the beginning of a stored message; 0 if there are none."""
    found = _OWN.match(head, 0, MAX_ADDED_BYTES)
    return found.end() if found and _BY_SES in found[0] else 0
