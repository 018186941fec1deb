"""Wiring of functions/authenticate."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from postroom.access.authorize import Answered, Authorize
from postroom.adapters.aws import clients
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.passwords import Argon2Passwords, RememberedPasswords
from postroom.bootstrap import audit_parts, ready
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import CountedTrailSettings, DirectorySettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


class AuthenticateSettings(DirectorySettings, CountedTrailSettings):
    """Of functions/authenticate."""


@ready
def build(settings: AuthenticateSettings) -> Callable[[Mapping[str, Any]], Answered]:
    """Return the function that answers an authorizer's event."""
    trail = audit_parts.counted_trail(settings)
    directory = DynamoDirectory(DirectoryTable(clients.dynamodb(), settings.directory_table))
    return partial(_answer, Authorize(directory, RememberedPasswords(Argon2Passwords()), trail))


def _answer(authorize: Authorize, event: Mapping[str, Any]) -> Answered:
    return authorize.answer(event, now_ms())
