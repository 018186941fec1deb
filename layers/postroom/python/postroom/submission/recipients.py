"""The envelope recipients of a submission."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from postroom.errors import SubmissionRefusedError
from postroom.model.addresses import MAX_ADDRESS_CHARACTERS, MAX_DOMAIN_CHARACTERS, Address
from postroom.model.limits import MAX_RECIPIENTS
from postroom.model.recipient_names import name_of
from postroom.submission.submission import Refusal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sized

    from postroom.mime.headers import Headers

FIELDS: Final = ("To", "Cc", "Bcc")
"""Fields that name recipients, where a client gives no envelope."""

_DOMAIN: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))+")
"""A name of the public DNS: at least two labels. Source: RFC 1035, 2.3.1."""

MAX_LOCAL_BYTES: Final = 64
"""Longest local part, in bytes of UTF-8. Source: RFC 5321, 4.5.3.1.1."""


def recipients_of(given: Iterable[str], headers: Headers) -> list[Address]:
    """Return the recipients as they were written, in order; which of them are one, ``named`` says.

    Args:
        given: addr-specs; without any, the addresses of To, Cc and Bcc are taken.

    Raises:
        SubmissionRefusedError: there is none, there are too many, or one is no address that mail can be sent to.
    """
    texts = list(given)
    wanted = [*map(Address.written, texts)] if texts else _of_fields(headers)
    called = [f"recipient {number}" for number, _ in enumerate(wanted, 1)] if len(wanted) > 1 else ["the recipient"]
    found = [*dict.fromkeys(map(checked, wanted, called))]
    if not found:
        raise SubmissionRefusedError(Refusal.NO_RECIPIENTS, "the message has no recipients")
    check_number({address.folded() for address in found})
    return found


def named(recipients: Iterable[Address], domains: Collection[str]) -> dict[str, Address]:
    """Return each recipient once, by the name that a flow has for it, in order. The addresses are lower-case.

    Args:
        recipients: as they were written.
        domains: the sender's organization's own, in which case does not count.

    Raises:
        SubmissionRefusedError: there are too many.
    """
    found = {name_of(each, inside=each.domain in domains): each.folded() for each in recipients}
    check_number(found)
    return found


def check_number(recipients: Sized) -> None:
    """Require that there are not too many recipients.

    Raises:
        SubmissionRefusedError: there are.
    """
    if len(recipients) > MAX_RECIPIENTS:
        raise SubmissionRefusedError(Refusal.TOO_MANY_RECIPIENTS, f"message for more than {MAX_RECIPIENTS} recipients")


def _of_fields(headers: Headers) -> list[Address]:
    """Return the addresses of To, Cc and Bcc; a field that leaves a recipient in doubt would leave one out."""
    if not all(map(headers.are_clear, FIELDS)):
        raise SubmissionRefusedError(Refusal.INVALID_RECIPIENT, "To, Cc or Bcc has a recipient without an address")
    return [each for name in FIELDS for each in headers.written_addresses(name)]


def recipient(text: str) -> Address:
    """Return one recipient as it was written; also for a client that is told of each by itself.

    Raises:
        SubmissionRefusedError: it is no address that mail can be sent to.
    """
    return checked(Address.written(text))


def checked(address: Address | None, which: str = "the recipient") -> Address:
    """Return an address that mail can be sent to.

    Args:
        which: begins the error, which has nothing of the address.

    Raises:
        SubmissionRefusedError: it is none.
    """
    if (
        address is None
        or not address.is_bare
        or len(str(address)) > MAX_ADDRESS_CHARACTERS
        or len(address.local.encode("utf-8", "replace")) > MAX_LOCAL_BYTES
        or len(address.domain) > MAX_DOMAIN_CHARACTERS
        or not _DOMAIN.fullmatch(address.domain)
    ):
        raise SubmissionRefusedError(Refusal.INVALID_RECIPIENT, f"{which} is no address that mail can be sent to")
    return address
