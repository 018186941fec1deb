"""Wiring of functions/accept_outbound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.addressees import DynamoAddressees
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.bootstrap import directory_parts, parts, ready, reply_parts
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import QueueSettings, StationSettings, Url
from postroom.outbound.accept_outbound import AcceptOutbound
from postroom.outbound.acceptance import Acceptance
from postroom.outbound.reply import OutOfOfficeReplies

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.batches import SqsBatch


class AcceptOutboundSettings(StationSettings, QueueSettings, reply_parts.ReplySettings):
    inbound_bucket: str
    accept_outbound_queue_url: Url


@ready
def build(settings: AcceptOutboundSettings) -> Acceptance:
    clients.sqs()  # every order needs it: better made now than while the first one waits
    table = DirectoryTable(clients.dynamodb(), settings.directory_table)
    raw, transit = S3RawMail(clients.s3(), settings.inbound_bucket), parts.transit(settings)
    queues, parking = parts.queues(settings), parts.parking(settings)
    return Acceptance(
        submissions=AcceptOutbound(raw=raw, transit=transit, queues=queues, parking=parking, now=now_ms),
        replies=OutOfOfficeReplies(
            owners=directory_parts.owners(settings),
            records=DynamoDirectory(table),
            replies=reply_parts.replies(DynamoAddressees(table), raw, settings.inbound_bucket),
            raw=raw,
            transit=transit,
            queues=queues,
            parking=parking,
            now=now_ms,
        ),
    )


def batch(settings: AcceptOutboundSettings, logger: Logger) -> SqsBatch:
    return parts.batch(settings, logger, dead_letters=settings.dead_letter_queue_url)
