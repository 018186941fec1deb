"""Wiring of functions/remove_mailboxes."""

from __future__ import annotations

from postroom.adapters.aws import clients
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.mailbox_removal import AwsMailboxRemoval
from postroom.adapters.aws.organizations import DynamoOrganizations
from postroom.bootstrap import ready
from postroom.bootstrap.environment import Environment, now_ms
from postroom.lifecycle.expired_mailboxes import ExpiredMailboxes


@ready
def build(settings: Environment | None = None) -> ExpiredMailboxes:
    """Return the station as template.yaml sets it up."""
    settings = settings or Environment()
    dynamodb, directory = clients.dynamodb(), settings["DIRECTORY_TABLE"]
    return ExpiredMailboxes(
        organizations=DynamoOrganizations(dynamodb, directory),
        directory=DynamoDirectory(DirectoryTable(dynamodb, directory)),
        removal=AwsMailboxRemoval(
            dynamodb, settings["MAILBOX_TABLE"], clients.later(clients.s3), settings["MAIL_BUCKET"]
        ),
        now=now_ms,
    )
