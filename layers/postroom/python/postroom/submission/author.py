"""In whose name a message is sent: its own, as another, or on behalf of another.

Send As: the owner is in From. Send on Behalf: the owner is in From and the user in Sender. Source: guide, ZH:6800-6806.
Ours: a client that cannot say which it wants gets what it has a permission for, Send As first; a Sender field stays
only where it is the one and names the author: mail clients show one without an address, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.access.permissions import sending_permissions
from postroom.errors import SubmissionRefusedError
from postroom.model.addresses import Address
from postroom.model.mailbox_permissions import Permission
from postroom.submission.submission import Refusal

if TYPE_CHECKING:
    from postroom.access.permissions import PermissionRecords
    from postroom.mime.headers import Headers
    from postroom.model.directory import Addressee
    from postroom.ports.directory import Addressees
    from postroom.submission.submission import Submission


@dataclass(frozen=True, slots=True)
class Author:
    """In whose name a message is sent. All addresses are lower-case.

    Attributes:
        address: in From.
        sender: the user's own address, in Sender; empty where ``address`` alone is named.
        envelope_from: where reports of failures go: to the user.
        owner_id: the entity that has ``address``.
    """

    address: str
    sender: str
    envelope_from: str
    owner_id: str

    def sender_field(self, headers: Headers) -> str | None:
        """Return the Sender that the message gets; empty: it loses its own; ``None``: it stays as it is."""
        if self.sender:
            return self.sender
        named = {str(each) for reading in headers.authors.readings for each in reading.senders}
        return None if named == {self.address} and len(headers.raw("Sender")) == 1 else ""


def author_of(
    submission: Submission, headers: Headers, user: Addressee, directory: Addressees, records: PermissionRecords
) -> Author:
    """Return in whose name a message is sent.

    Args:
        user: the acting user, with a mailbox.

    Raises:
        SubmissionRefusedError: From is not one address, or the user may not send in its name.
    """
    own = user.primary_address or ""
    address = _from(headers)
    wanted = _wanted(submission)
    if wanted and wanted != address:
        raise SubmissionRefusedError(Refusal.NOT_ALLOWED, "From is not the address that the message is to be sent as")
    if address == own:
        return Author(address, "", address, user.entity_id)
    owner = directory.resolve(submission.organization_id, {address}).get(address)
    if owner is None:
        raise SubmissionRefusedError(Refusal.NOT_ALLOWED, "From is no address of the organization")
    if owner.entity_id == user.entity_id:
        return Author(address, "", address, user.entity_id)
    permissions = sending_permissions(records, submission.organization_id, user.entity_id, owner.entity_id)
    if Permission.SEND_AS in permissions and not submission.on_behalf_of:
        return Author(address, "", own, owner.entity_id)
    if Permission.SEND_ON_BEHALF in permissions and not submission.send_as:
        return Author(address, own, own, owner.entity_id)
    raise SubmissionRefusedError(Refusal.NOT_ALLOWED, "the user has no permission to send in this name")


def _from(headers: Headers) -> str:
    authors = headers.authors
    found = {str(address) for reading in authors.readings for address in reading.froms}
    if authors.is_cut or len(headers.raw("From")) != 1 or len(found) != 1:
        raise SubmissionRefusedError(Refusal.MALFORMED, "From has to be one address")
    return found.pop()


def _wanted(submission: Submission) -> str:
    if submission.send_as and submission.on_behalf_of:
        raise SubmissionRefusedError(Refusal.NOT_ALLOWED, "a message is sent as another, or on behalf of another")
    text = submission.send_as or submission.on_behalf_of
    if not text:
        return ""
    address = Address.parse(text)
    if address is None:
        raise SubmissionRefusedError(Refusal.NOT_ALLOWED, "the name to send in is no address")
    return str(address)
