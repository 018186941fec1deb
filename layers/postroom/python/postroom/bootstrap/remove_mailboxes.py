"""Wiring of functions/remove_mailboxes."""

from __future__ import annotations

from postroom.adapters.aws import clients
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.due_mailboxes import DynamoDueMailboxes
from postroom.adapters.aws.mailbox_removal import AwsMailboxRemoval
from postroom.adapters.aws.organizations import DynamoOrganizations
from postroom.bootstrap import ready
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import DirectorySettings
from postroom.lifecycle.expired_mailboxes import ExpiredMailboxes


class RemoveMailboxesSettings(DirectorySettings):
    mailbox_table: str
    mail_bucket: str


@ready
def build(settings: RemoveMailboxesSettings) -> ExpiredMailboxes:
    dynamodb, directory = clients.dynamodb(), settings.directory_table
    return ExpiredMailboxes(
        organizations=DynamoOrganizations(dynamodb, directory),
        directory=DynamoDirectory(DirectoryTable(dynamodb, directory)),
        removal=AwsMailboxRemoval(dynamodb, settings.mailbox_table, clients.later(clients.s3), settings.mail_bucket),
        due=DynamoDueMailboxes(dynamodb, directory),
        now=now_ms,
    )
