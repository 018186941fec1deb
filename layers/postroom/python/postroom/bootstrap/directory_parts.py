"""Parts of functions that read nothing but the owners of mailboxes from the directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.addressees import DynamoMailboxOwners
from postroom.adapters.aws.directory_table import DirectoryTable

if TYPE_CHECKING:
    from postroom.bootstrap.settings import DirectorySettings


def owners(settings: DirectorySettings) -> DynamoMailboxOwners:
    """Return the reader of the owners of mailboxes."""
    return DynamoMailboxOwners(DirectoryTable(clients.dynamodb(), settings.directory_table))
