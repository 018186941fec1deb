"""Parts of functions that read the directory only to see who is still there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.addressees import DynamoMailboxOwners
from postroom.adapters.aws.directory_table import DirectoryTable

if TYPE_CHECKING:
    from postroom.bootstrap.settings import DirectorySettings


def owners(settings: DirectorySettings) -> DynamoMailboxOwners:
    """Return who is still there."""
    return DynamoMailboxOwners(DirectoryTable(clients.dynamodb(), settings.directory_table))
