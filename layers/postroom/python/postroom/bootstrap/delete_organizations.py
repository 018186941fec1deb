"""Wiring of functions/delete_organizations."""

from __future__ import annotations

from postroom.adapters.aws import clients
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.domain_services import ReceiptSettings, SesDomainServices
from postroom.adapters.aws.leases import Leases
from postroom.adapters.aws.mailbox_removal import AwsMailboxRemoval
from postroom.adapters.aws.organization_removal import DynamoOrganizationRemoval
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.bootstrap import parts, ready
from postroom.bootstrap.environment import Environment, now_ms
from postroom.lifecycle.arrivals import ParkedArrivals
from postroom.lifecycle.deletion import Deletion
from postroom.lifecycle.open_flows import OpenFlows
from postroom.lifecycle.stored_mail import StoredMail
from postroom.model.limits import DELETION_SETTLING_SECONDS


@ready
def build(settings: Environment | None = None) -> Deletion:
    """Return the station as template.yaml sets it up."""
    settings = settings or Environment()
    dynamodb, s3 = clients.dynamodb(), clients.later(clients.s3)
    table = DirectoryTable(dynamodb, settings["DIRECTORY_TABLE"])
    directory = DynamoDirectory(table)
    transit, ledger = parts.transit(settings), parts.ledger(settings)
    raw = S3RawMail(s3, settings["INBOUND_BUCKET"])
    arrivals = ParkedArrivals(directory, transit, ledger, raw, now_ms)
    settles = settings.sooner(DELETION_SETTLING_SECONDS) * 1000
    receipts = ReceiptSettings(rule_set=settings["RECEIPT_RULE_SET_NAME"], bucket="", topic_arn="")  # makes no rules
    return Deletion(
        directory=directory,
        domain_services=SesDomainServices(clients.later(clients.ses), Leases(table), receipts),
        rows=DynamoOrganizationRemoval(table),
        mailboxes=AwsMailboxRemoval(dynamodb, settings["MAILBOX_TABLE"], s3, settings["MAIL_BUCKET"]),
        transit=transit,
        flows=OpenFlows(transit, ledger, raw, parts.queues(settings), now_ms),
        arrivals=arrivals,
        stored=StoredMail(raw, ledger, transit, arrivals, now_ms, settles),
        archive=raw,
        now=now_ms,
        settling_ms=settles,
    )
