"""Wiring of functions/authenticate."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from postroom.access.authenticate import authenticate
from postroom.adapters.aws import clients
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.passwords import Argon2Passwords
from postroom.bootstrap import ready
from postroom.bootstrap.settings import DirectorySettings
from postroom.contracts import authorizer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from postroom.ports.directory import Accounts
    from postroom.ports.passwords import Passwords


class AuthenticateSettings(DirectorySettings):
    pass


@ready
def build(settings: AuthenticateSettings) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return the function that answers an authorizer's event."""
    directory = DynamoDirectory(DirectoryTable(clients.dynamodb(), settings.directory_table))
    return partial(_answer, directory, Argon2Passwords())


def _answer(accounts: Accounts, passwords: Passwords, event: Mapping[str, Any]) -> dict[str, Any]:
    return authorizer.answer(event, authenticate(authorizer.read(event).authorization, accounts, passwords))
