"""What the functions share that send replies of mailboxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.rule_sets import S3RuleSets
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import Settings, Url
from postroom.routing.own_mail import OwnMail
from postroom.submission.own import OwnSubmissions
from postroom.submission.replies import MailboxReplies

if TYPE_CHECKING:
    from postroom.ports.directory import Addressees
    from postroom.ports.raw_mail import RawMail


class ReplySettings(Settings):
    """Queues of the orders that a reply may leave with; a plan for one recipient needs no acceptance."""

    deliver_queue_url: Url
    ingest_queue_url: Url
    transmit_queue_url: Url
    run_sync_rule_queue_url: Url
    run_async_rule_queue_url: Url
    bounce_queue_url: Url


def replies(directory: Addressees, raw: RawMail, rules_bucket: str) -> MailboxReplies:
    """Return the way out of the organization's mailboxes."""
    rules = S3RuleSets(clients.s3(), rules_bucket)
    return MailboxReplies(OwnMail(directory, raw, now_ms), OwnSubmissions(directory, rules, raw, now_ms), now_ms)
