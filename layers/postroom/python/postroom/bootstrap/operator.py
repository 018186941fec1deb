"""Wiring of the command line: the tools that an operator uses on a running stack.

A tool is made, and its modules are imported, when a command first uses it: a command that reads only the ledger does
not wait for mailboxes, encryption and queues. Then the tool reads its settings from the variables of the functions.
"""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO, Final

from postroom.adapters.aws import clients
from postroom.bootstrap import ready
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import (
    Arn,
    DirectorySettings,
    FlowSettings,
    LedgerSettings,
    OrderQueueSettings,
    Settings,
    StationSettings,
    TimedSettings,
    Url,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from postroom.calendar_store.store import CalendarStore
    from postroom.contracts.export_journal import Counted
    from postroom.digests.verify import Verification
    from postroom.model.audit_targets import Place
    from postroom.model.mailbox import Head, Item
    from postroom.outbound.waiting import OutgoingQueue
    from postroom.parking.redrive import Redriving
    from postroom.ports.audit_deliveries import AuditDeliveries
    from postroom.ports.digest_objects import DigestObjects
    from postroom.ports.directory import Addressees, Directory, MailboxOwners
    from postroom.ports.export_files import ExportFiles
    from postroom.ports.export_staging import SealedReads
    from postroom.ports.ledger import Ledger
    from postroom.ports.mailbox_keys import MailboxKeys
    from postroom.ports.mailboxes import Mailboxes
    from postroom.ports.raw_mail import RawMail
    from postroom.ports.sealed_mail import SealedMail
    from postroom.ports.transit import Transit
    from postroom.ports.transit_scans import TransitScans


AUDIT_AGE_S: Final = 5
"""How long deliveries of audit records are kept, in seconds: a command that follows them sees changes soon. Ours."""

CALENDAR_THREADS: Final = 9
"""How many objects of a calendar are stored at the same time: below the connections of a client (10). Ours."""


class RawMailSettings(Settings):
    """Of the tool that reads messages as SES stored them."""

    inbound_bucket: str


class SealedMailSettings(Settings):
    """Of the tool that reads encrypted messages."""

    mail_bucket: str


class MailboxSettings(FlowSettings):
    """Of the tool that reads mailboxes."""

    mailbox_table: str


class AuditSettings(Settings):
    """Of the tool that verifies audit records."""

    transit_table: str
    audit_signing_key_arn: Arn


class ParkingSettings(StationSettings, OrderQueueSettings):
    """Of the tool that redrives: it sends to every station."""

    ingest_queue_url: Url
    feedback_queue_url: Url
    retry_events_queue_url: Url
    audit_queue_url: Url
    retry_audit_queue_url: Url


class OutgoingQueueSettings(FlowSettings, TimedSettings):
    """Of the tool that lists and retries mail that waits to leave."""

    transmit_queue_url: Url
    transmit_retry_seconds: int


class Operator:
    """Tools for a person with the stack's credentials."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Keep the variables of all functions together."""
        self._variables = variables

    @cached_property
    def directory(self) -> Addressees:
        """Addresses and who receives their mail."""
        from postroom.adapters.aws.addressees import DynamoAddressees
        from postroom.adapters.aws.directory_table import DirectoryTable

        settings = DirectorySettings.read(self._variables)
        return DynamoAddressees(DirectoryTable(clients.dynamodb(), settings.directory_table))

    @cached_property
    def records(self) -> Directory:
        """Everything that the directory has."""
        from postroom.adapters.aws.directory import DynamoDirectory
        from postroom.adapters.aws.directory_table import DirectoryTable

        settings = DirectorySettings.read(self._variables)
        return DynamoDirectory(DirectoryTable(clients.dynamodb(), settings.directory_table))

    @cached_property
    def audit_deliveries(self) -> AuditDeliveries:
        """Where audit records go."""
        from postroom.adapters.aws.audit_deliveries import AwsAuditDeliveries

        return AwsAuditDeliveries(self.records, clients.logs(), age_s=AUDIT_AGE_S, monotonic=time.monotonic)

    @cached_property
    def audit_place(self) -> Place:
        """Where the stack is, as keys of audit records name it."""
        from postroom.model.audit_targets import Place

        arn = AuditSettings.read(self._variables).audit_signing_key_arn
        _, partition, _, region, account, _ = arn.split(":", 5)
        return Place(partition, region, account)

    @cached_property
    def audit_objects(self) -> DigestObjects:
        """Objects of audit records in customers' buckets."""
        from postroom.adapters.aws.digest_objects import S3DigestObjects

        return S3DigestObjects(clients.s3(), self.audit_place.account)

    @cached_property
    def owners(self) -> MailboxOwners:
        """Owners of mailboxes."""
        from postroom.bootstrap import directory_parts

        return directory_parts.owners(DirectorySettings.read(self._variables))

    @cached_property
    def raw(self) -> RawMail:
        """Messages as SES stored them."""
        from postroom.adapters.aws.raw_mail import S3RawMail

        settings = RawMailSettings.read(self._variables)
        return S3RawMail(clients.s3(), settings.inbound_bucket)

    @cached_property
    def sealed(self) -> SealedMail:
        """Encrypted messages."""
        from postroom.adapters.aws.sealed_mail import S3SealedMail

        settings = SealedMailSettings.read(self._variables)
        return S3SealedMail(clients.s3(), settings.mail_bucket)

    def customer_object(self, bucket: str, key: str) -> BinaryIO:
        """Open an object of any bucket that the operator may read.

        Raises:
            InvalidArchiveError: there is no such object, or it may not be read.
            StoreUnavailableError: S3 did not answer.
        """
        from postroom.adapters.aws.ranged_object import open_object

        return open_object(clients.s3(), bucket, key)

    @cached_property
    def sealed_reads(self) -> SealedReads:
        """Encrypted messages, read ahead of their use."""
        from postroom.adapters.aws.export_staging import S3SealedReads

        settings = SealedMailSettings.read(self._variables)
        return S3SealedReads(clients.s3_for_many(), settings.mail_bucket)

    @cached_property
    def keys(self) -> MailboxKeys:
        """Keys of mailboxes."""
        from postroom.adapters.aws.mailbox_keys import KmsMailboxKeys

        return KmsMailboxKeys(clients.kms(), time.monotonic)

    @cached_property
    def mailboxes(self) -> Mailboxes:
        """Mailboxes and their items."""
        from postroom.adapters.aws.mailboxes import DynamoMailboxes

        settings = MailboxSettings.read(self._variables)
        return DynamoMailboxes(
            clients.dynamodb(), settings.mailbox_table, settings.transit_table, settings.ledger_table, now_ms
        )

    @cached_property
    def calendars(self) -> CalendarStore:
        """Calendars of mailboxes; several objects are stored at the same time."""
        from concurrent.futures import ThreadPoolExecutor

        from postroom.bootstrap import calendar_parts

        settings = calendar_parts.CalendarSettings.read(self._variables)
        return calendar_parts.store(
            settings,
            mailboxes=self.mailboxes,
            keys=self.keys,
            sealed=self.sealed,
            executor=ThreadPoolExecutor(CALENDAR_THREADS),
        )

    @cached_property
    def transit(self) -> Transit:
        """What is in transit."""
        from postroom.bootstrap import parts

        return parts.transit(FlowSettings.read(self._variables))

    @cached_property
    def transit_scans(self) -> TransitScans:
        """Everything in transit."""
        from postroom.adapters.aws.transit_scans import DynamoTransitScans

        settings = FlowSettings.read(self._variables)
        return DynamoTransitScans(clients.dynamodb(), settings.transit_table)

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger of facts."""
        from postroom.adapters.aws.ledger import DynamoLedger

        settings = LedgerSettings.read(self._variables)
        return DynamoLedger(clients.dynamodb(), settings.ledger_table)

    @cached_property
    def parking(self) -> Redriving:
        """Parked things: list, redrive, discard."""
        from postroom.bootstrap import parts
        from postroom.parking.redrive import Redriving

        settings = ParkingSettings.read(self._variables)
        return Redriving(
            transit=parts.transit(settings),
            things=parts.parked_things(settings),
            ledger=parts.ledger(settings),
            now=now_ms,
            queues=parts.queues(settings),
        )

    @cached_property
    def outgoing_queue(self) -> OutgoingQueue:
        """Mail that waits to leave: list, retry."""
        from postroom.adapters.aws.transmission_scans import DynamoTransmissionScans
        from postroom.bootstrap import parts
        from postroom.outbound.timetable import Timetable
        from postroom.outbound.waiting import OutgoingQueue

        settings = OutgoingQueueSettings.read(self._variables)
        return OutgoingQueue(
            scans=DynamoTransmissionScans(clients.dynamodb(), settings.transit_table),
            ledger=parts.ledger(settings),
            queues=parts.queues(settings),
            now=now_ms,
            times=Timetable(retry_ms=settings.shortened_ms(settings.transmit_retry_seconds * 1000)),
        )

    def verification(self, more_keys: Sequence[bytes] = (), since_ms: int = 0) -> Verification:
        """Return what verifies audit records, as of now.

        Args:
            more_keys: public keys, as DER, of keys that signed digests before the stack's.
            since_ms: as in ``Verification``.

        Raises:
            KeyUnavailableError: the signing key cannot be asked for its public key.
        """
        from postroom.adapters.aws.digest_signatures import KmsDigestSigner
        from postroom.adapters.aws.written_objects import DynamoWrittenObjects
        from postroom.digests.verify import Verification

        settings = AuditSettings.read(self._variables)
        signer = KmsDigestSigner(clients.kms(), settings.audit_signing_key_arn)
        return Verification(
            chains=DynamoWrittenObjects(clients.dynamodb(), settings.transit_table),
            objects=self.audit_objects,
            public_keys=[signer.public_key(), *more_keys],
            stack=self.audit_place,
            now_ms=now_ms(),
            since_ms=since_ms,
        )

    def export(self, head: Head, files: ExportFiles, progress: Callable[[Counted], None]) -> Counted:
        """Export a mailbox to a disk; see ``export.to_disk.ToDisk``."""
        from postroom.export.to_disk import ToDisk

        def key(head: Head) -> bytes:
            return self.keys.unwrap(head.wrapped_key, head.kms_key_arn, head.organization_arn)

        return ToDisk(self.mailboxes, self.sealed_reads, key, files, progress).run(head)

    def content(self, head: Head, item: Item) -> Iterator[bytes]:
        """Return a message's exact bytes, piece by piece.

        Raises:
            UnreadableMailError: the object was changed, or moved here from elsewhere.
            KeyUnavailableError: the organization's KMS key cannot be used.
        """
        from postroom.sealing import open_message

        key = self.keys.unwrap(head.wrapped_key, head.kms_key_arn, head.organization_arn)
        return open_message(self.sealed.get(item.blob), mailbox_key=key, place=item.blob)


@ready
def build(variables: Mapping[str, str]) -> Operator:
    """Return the operator's tools, given the variables of all functions together."""
    return Operator(variables)
