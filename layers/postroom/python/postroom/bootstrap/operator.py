"""Wiring of what people do by hand: the command line's view of a running stack."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.addressees import DynamoAddressees
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.mailbox_keys import KmsMailboxKeys
from postroom.adapters.aws.mailboxes import DynamoMailboxes
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.adapters.aws.sealed_mail import S3SealedMail
from postroom.bootstrap import directory_parts, parts, ready
from postroom.bootstrap.environment import Environment, now_ms
from postroom.sealing import open_message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.model.mailbox import Head, Item
    from postroom.parking.parking import Parking
    from postroom.ports.directory import Addressees, Residents
    from postroom.ports.mailbox_keys import MailboxKeys
    from postroom.ports.mailboxes import Mailboxes
    from postroom.ports.raw_mail import RawMail
    from postroom.ports.sealed_mail import SealedMail
    from postroom.ports.transit import Ledger, Transit


@dataclass(frozen=True, slots=True)
class Operator:
    """Everything that a person with the stack's credentials may look at."""

    directory: Addressees
    residents: Residents
    raw: RawMail
    sealed: SealedMail
    keys: MailboxKeys
    mailboxes: Mailboxes
    transit: Transit
    ledger: Ledger
    parking: Parking

    def content(self, head: Head, item: Item) -> Iterator[bytes]:
        """Return a message's exact bytes, piece by piece.

        Raises:
            UnreadableMailError: the object was changed, or moved here from elsewhere.
            KeyUnavailableError: the organization's KMS key cannot be used.
        """
        key = self.keys.unwrap(head.wrapped_key, head.kms_key_arn, head.organization_arn)
        return open_message(self.sealed.get(item.blob), mailbox_key=key, place=item.blob)


@ready
def build(settings: Environment | None = None) -> Operator:
    """Return the operator's tools; the settings are those of the functions, together."""
    settings = settings or Environment()
    dynamodb, s3 = clients.dynamodb(), clients.s3()
    return Operator(
        residents=directory_parts.residents(settings),
        directory=DynamoAddressees(DirectoryTable(dynamodb, settings["DIRECTORY_TABLE"])),
        raw=S3RawMail(s3, settings["INBOUND_BUCKET"]),
        sealed=S3SealedMail(s3, settings["MAIL_BUCKET"]),
        keys=KmsMailboxKeys(clients.kms(), time.monotonic),
        mailboxes=DynamoMailboxes(
            dynamodb, settings["MAILBOX_TABLE"], settings["TRANSIT_TABLE"], settings["LEDGER_TABLE"], now_ms
        ),
        transit=parts.transit(settings),
        ledger=parts.ledger(settings),
        parking=parts.parking(settings),
    )
