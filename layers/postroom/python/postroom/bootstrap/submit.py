"""Wiring of functions/submit."""

from __future__ import annotations

import os
import time

from postroom.adapters.aws import clients
from postroom.adapters.aws.account_quota import DynamoAccountQuota
from postroom.adapters.aws.addressees import DynamoAddressees
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.mailbox_keys import KmsMailboxKeys
from postroom.adapters.aws.mailboxes import DynamoMailboxes
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.adapters.aws.rule_sets import S3RuleSets
from postroom.adapters.aws.sealed_mail import S3SealedMail
from postroom.adapters.aws.transit_keys import KmsTransitKeys
from postroom.bootstrap import audit_parts, content_parts, directory_parts, parts, ready
from postroom.bootstrap.clock import now_ms, pause
from postroom.bootstrap.settings import Arn, AuditTrailSettings, DirectorySettings, FlowSettings, TimedSettings, Url
from postroom.model.audit_targets import Place
from postroom.submission.sent_copies import SentCopies
from postroom.submission.station import SubmissionStation
from postroom.submission.submit import Submit


class SubmitSettings(DirectorySettings, FlowSettings, AuditTrailSettings, TimedSettings, content_parts.ContentSettings):
    mailbox_table: str
    stack_key_arn: Arn
    ingest_queue_url: Url
    accept_outbound_queue_url: Url
    transmit_queue_url: Url
    run_sync_rule_queue_url: Url
    run_async_rule_queue_url: Url
    bounce_queue_url: Url


@ready
def build(settings: SubmitSettings) -> SubmissionStation:
    s3 = clients.s3()
    raw = S3RawMail(s3, settings.inbound_bucket)
    place = Place(s3.meta.partition, s3.meta.region_name, settings.account_id)
    return SubmissionStation(
        submits=_submit(settings, raw),
        raw=raw,
        objects=content_parts.objects(settings, s3, place),
        trail=audit_parts.trail(settings),
        bucket=settings.inbound_bucket,
        organization_arns=place.organization_arns,
        now=now_ms,
    )


def _submit(settings: SubmitSettings, raw: S3RawMail) -> Submit:
    dynamodb, kms = clients.dynamodb(), clients.kms()
    table = DirectoryTable(dynamodb, settings.directory_table)
    return Submit(
        owners=directory_parts.owners(settings),
        directory=DynamoAddressees(table),
        records=DynamoDirectory(table),
        rule_sets=S3RuleSets(clients.s3(), settings.inbound_bucket),
        quota=DynamoAccountQuota(dynamodb, settings.transit_table),
        mailboxes=DynamoMailboxes(
            dynamodb, settings.mailbox_table, settings.transit_table, settings.ledger_table, now_ms
        ),
        copies=SentCopies(
            sealed=S3SealedMail(clients.s3(), settings.mail_bucket),
            keys=KmsMailboxKeys(kms, time.monotonic),
            transit_keys=KmsTransitKeys(kms, dynamodb, settings.transit_table, settings.stack_key_arn, now_ms),
            random=os.urandom,
            bucket=settings.mail_bucket,
        ),
        raw=raw,
        transit=parts.transit(settings),
        ledger=parts.ledger(settings),
        queues=parts.queues(settings),
        now=now_ms,
        pause=pause,
    )
