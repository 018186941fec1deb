"""The copy in Sent Items, which is also the message in transit (docs/decisions/0050)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postroom.contracts.outbound_orders import SealedLocation
from postroom.model.folders import Folder
from postroom.model.mailbox import NewItem, blob_key
from postroom.sealing import seal_message
from postroom.summaries import describe

if TYPE_CHECKING:
    from postroom.model.mailbox import Head
    from postroom.ports.mailbox_keys import MailboxKeys
    from postroom.ports.sealed_mail import SealedMail
    from postroom.ports.transit_keys import TransitKeys
    from postroom.sealing import Random
    from postroom.submission.draft import Draft


@dataclass(frozen=True, slots=True)
class SentCopy:
    """A copy before it is sealed.

    Attributes:
        item: its index entry.
        location: where its bytes will be, with what opens them in transit.
    """

    item: NewItem
    location: SealedLocation
    mailbox_key: bytes = field(repr=False)
    message_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SentCopies:
    """Makes copies. ``bucket`` is that of sealed mail."""

    sealed: SealedMail
    keys: MailboxKeys
    transit_keys: TransitKeys
    random: Random
    bucket: str

    def of(self, draft: Draft, head: Head, now: int) -> SentCopy:
        """Return the copy of a message for its sender's mailbox; nothing is written.

        Its token depends on the content: each attempt may give the message another Date.

        Args:
            now: milliseconds since the epoch.

        Raises:
            KeyUnavailableError: a KMS key cannot be used.
            StoreUnavailableError: a service did not answer.
        """
        mailbox_key = self.keys.unwrap(head.wrapped_key, head.kms_key_arn, head.organization_arn)
        mailbox_id, token = draft.user.entity_id, _token(draft.trace, draft.content)
        described = describe(
            draft.content,
            mailbox_id=mailbox_id,
            token=token,
            mailbox_key=mailbox_key,
            random=self.random,
            envelope_from=draft.author.envelope_from,
        )
        item = NewItem(
            token=token,
            folder=Folder.SENT_ITEMS.value,
            blob=blob_key(draft.submission.organization_id, mailbox_id, token),
            size=len(draft.content),
            summary=described.summary,
            item_class="IPM.Note",
            conversation=described.conversation,
            received=now,
            created=now,
            has_attachments=described.has_attachments,
            unread=False,
        )
        message_key = _message_key(item.blob, mailbox_key)
        wrapped = self.transit_keys.wrap(message_key, item.blob)
        location = SealedLocation(bucket=self.bucket, key=item.blob, message_key=wrapped)
        return SentCopy(item, location, mailbox_key, message_key)

    def keep(self, copy: SentCopy, content: bytes) -> None:
        """Seal a copy and write it; one that an earlier attempt has written stays.

        Raises:
            StoreUnavailableError: the store did not answer.
        """
        blob, keys = copy.item.blob, {"mailbox_key": copy.mailbox_key, "message_key": copy.message_key}
        self.sealed.put_once(blob, seal_message(content, place=blob, random=self.random, **keys))

    def remove(self, item: NewItem) -> None:
        """Remove the sealed copy of an attempt that lost its race.

        Raises:
            StoreUnavailableError: the store did not answer.
        """
        self.sealed.delete(item.blob)


def _token(trace: str, content: bytes) -> str:
    """Return the token of a copy; deterministic for trace and content."""
    digest = hashlib.sha256(content).hexdigest()
    return hashlib.sha256(f"item\0{trace}\0SENT\0{digest}".encode()).hexdigest()[:32]


def _message_key(blob: str, mailbox_key: bytes) -> bytes:
    """Return the key of the message that is sealed at ``blob``, whose name depends on the content.

    It is derived, because an attempt may find the object of an earlier one there, and orders need its key.
    """
    return hmac.new(mailbox_key, b"submitted\0" + blob.encode(), hashlib.sha256).digest()
