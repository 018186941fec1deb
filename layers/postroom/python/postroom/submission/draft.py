"""A submission that is allowed, and may still lack room or quota."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.mime.headers import Headers
    from postroom.model.addresses import Address
    from postroom.model.directory import Addressee, MailDomain
    from postroom.submission.author import Author
    from postroom.submission.submission import Submission


@dataclass(frozen=True, slots=True)
class Draft:
    """A submission that is allowed.

    Attributes:
        content: complete, with Bcc.
        recipients: by their names in the flow (``model.recipient_names``).
        inside: those of ``recipients`` that are in a domain of the sender's organization.
        domains: the domains of the organization that author and recipients have.
    """

    submission: Submission
    trace: str
    user: Addressee
    author: Author
    content: bytes
    headers: Headers
    message_id: str
    recipients: Mapping[str, Address]
    inside: Mapping[str, Address]
    domains: list[MailDomain]
