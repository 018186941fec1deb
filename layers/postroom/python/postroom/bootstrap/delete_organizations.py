"""Wiring of functions/delete_organizations."""

from __future__ import annotations

from postroom.adapters.aws import clients
from postroom.adapters.aws.availability_passwords import SecretsManagerRemoval
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.domain_services import SesReceiptRules
from postroom.adapters.aws.leases import Leases
from postroom.adapters.aws.mailbox_removal import AwsMailboxRemoval
from postroom.adapters.aws.organization_removal import DynamoOrganizationRemoval
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.adapters.aws.transit_scans import DynamoTransitScans
from postroom.bootstrap import parts, ready
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import DirectorySettings, FlowSettings, OrderQueueSettings, TimedSettings
from postroom.lifecycle.arrivals import ParkedArrivals
from postroom.lifecycle.deletion import Deletion
from postroom.lifecycle.open_flows import OpenFlows
from postroom.lifecycle.stored_mail import StoredMail
from postroom.model.limits import DELETION_SETTLING_SECONDS


class DeleteOrganizationsSettings(DirectorySettings, FlowSettings, TimedSettings, OrderQueueSettings):
    mailbox_table: str
    inbound_bucket: str
    mail_bucket: str
    receipt_rule_set_name: str
    availability_secret_prefix: str


@ready
def build(settings: DeleteOrganizationsSettings) -> Deletion:
    dynamodb, s3 = clients.dynamodb(), clients.later(clients.s3)
    table = DirectoryTable(dynamodb, settings.directory_table)
    directory = DynamoDirectory(table)
    transit, ledger = parts.transit(settings), parts.ledger(settings)
    raw = S3RawMail(s3, settings.inbound_bucket)
    things, scans = parts.parked_things(settings), DynamoTransitScans(dynamodb, settings.transit_table)
    flows = OpenFlows(transit, things, scans, ledger, raw, parts.queues(settings), now_ms)
    arrivals = ParkedArrivals(directory, transit, things, ledger, raw, now_ms)
    settles = settings.shortened_ms(DELETION_SETTLING_SECONDS * 1000)
    return Deletion(
        directory=directory,
        domain_services=SesReceiptRules(clients.later(clients.ses), Leases(table), settings.receipt_rule_set_name),
        rows=DynamoOrganizationRemoval(table),
        availability_passwords=SecretsManagerRemoval(
            clients.later(clients.secrets_manager), settings.availability_secret_prefix
        ),
        mailboxes=AwsMailboxRemoval(dynamodb, settings.mailbox_table, s3, settings.mail_bucket),
        transit=transit,
        flows=flows,
        arrivals=arrivals,
        stored=StoredMail(raw, ledger, transit, flows, arrivals, now_ms, settles),
        archive=raw,
        now=now_ms,
        settling_ms=settles,
    )
