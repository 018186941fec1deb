"""The envelope recipients of a submission."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from postroom.errors import SubmissionRefusedError
from postroom.model.addresses import MAX_ADDRESS_CHARACTERS, MAX_DOMAIN_CHARACTERS, Address
from postroom.model.limits import MAX_RECIPIENTS
from postroom.submission.submission import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.mime.headers import Headers

FIELDS: Final = ("To", "Cc", "Bcc")
"""Fields that name recipients, where a client gives no envelope."""

_DOMAIN: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))+")
"""A name of the public DNS: at least two labels. Source: RFC 1035, 2.3.1."""

MAX_LOCAL_BYTES: Final = 64
"""Longest local part, in bytes of UTF-8. Source: RFC 5321, 4.5.3.1.1."""


def recipients_of(given: Iterable[str], headers: Headers) -> dict[str, Address]:
    """Return each recipient once, by its lower-case address with an A-label domain, in order.

    Args:
        given: addr-specs; without any, the addresses of To, Cc and Bcc are taken.

    Raises:
        SubmissionRefusedError: there is none, there are too many, or one is no address that mail can be sent to.
    """
    found: dict[str, Address] = {}
    for text in list(given) or _named(headers):
        address = recipient(text)
        found.setdefault(str(address), address)
    if not found:
        raise SubmissionRefusedError(Refusal.NO_RECIPIENTS, "the message has no recipients")
    if len(found) > MAX_RECIPIENTS:
        raise SubmissionRefusedError(Refusal.TOO_MANY_RECIPIENTS, f"message for more than {MAX_RECIPIENTS} recipients")
    return found


def _named(headers: Headers) -> list[str]:
    """Return the addresses of To, Cc and Bcc; a field that leaves a recipient in doubt would leave one out."""
    if not all(map(headers.are_clear, FIELDS)):
        raise SubmissionRefusedError(Refusal.INVALID_RECIPIENT, "To, Cc or Bcc has a recipient without an address")
    return [each for name in FIELDS for each in headers.addresses(name, MAX_RECIPIENTS + 1)]


def recipient(text: str) -> Address:
    """Return one recipient; also for a client that is told of each by itself.

    Raises:
        SubmissionRefusedError: it is no address that mail can be sent to.
    """
    address = Address.parse(text)
    if (
        address is None
        or not address.is_bare
        or len(str(address)) > MAX_ADDRESS_CHARACTERS
        or len(address.local.encode("utf-8", "replace")) > MAX_LOCAL_BYTES
        or len(address.domain) > MAX_DOMAIN_CHARACTERS
        or not _DOMAIN.fullmatch(address.domain)
    ):
        raise SubmissionRefusedError(Refusal.INVALID_RECIPIENT, "a recipient is no address that mail can be sent to")
    return address
