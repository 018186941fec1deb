"""Wiring of functions/authenticate."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from postroom.access.authorize import Answered, Authorize
from postroom.adapters.aws import clients
from postroom.adapters.aws.audit_trail import SqsAuditTrail
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.metrics import EmbeddedMetrics
from postroom.adapters.aws.passwords import Argon2Passwords, RememberedPasswords
from postroom.bootstrap import ready
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.lines import write_line
from postroom.bootstrap.settings import AuditTrailSettings, DirectorySettings
from postroom.effects.counted_trail import CountedTrail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


class AuthenticateSettings(DirectorySettings, AuditTrailSettings):
    metrics_namespace: str


@ready
def build(settings: AuthenticateSettings) -> Callable[[Mapping[str, Any]], Answered]:
    """Return the function that answers an authorizer's event."""
    trail = CountedTrail(
        SqsAuditTrail(clients.later(clients.sqs), settings.audit_queue_url),
        EmbeddedMetrics(settings.metrics_namespace, write_line),
    )
    directory = DynamoDirectory(DirectoryTable(clients.dynamodb(), settings.directory_table))
    return partial(_answer, Authorize(directory, RememberedPasswords(Argon2Passwords()), trail))


def _answer(authorize: Authorize, event: Mapping[str, Any]) -> Answered:
    return authorize.answer(event, now_ms())
