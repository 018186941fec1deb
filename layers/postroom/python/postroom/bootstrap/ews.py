"""Wiring of functions/ews."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from postroom.access.compiled_rules import CompiledRules
from postroom.access.decision import Access
from postroom.adapters.aws import clients
from postroom.adapters.aws.availability_queries import LambdaAvailabilityQueries
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.mailbox_heads import DynamoMailboxHeads
from postroom.bootstrap import audit_parts, ready
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import CountedTrailSettings, DirectorySettings
from postroom.ews import front
from postroom.ews.context import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


class EwsSettings(DirectorySettings, CountedTrailSettings):
    mailbox_table: str
    query_availability_function: str


@ready
def build(settings: EwsSettings) -> Callable[[Mapping[str, Any]], front.Answered]:
    """Return the function that answers an event."""
    queries = LambdaAvailabilityQueries(
        clients.later(clients.availability_queries), settings.query_availability_function
    )
    dynamodb = clients.dynamodb()
    directory = DynamoDirectory(DirectoryTable(dynamodb, settings.directory_table))
    context = Context(
        address_book=directory,
        availability=queries,
        access=Access(CompiledRules(directory), directory),
        trail=audit_parts.counted_trail(settings),
        mailboxes=DynamoMailboxHeads(dynamodb, settings.mailbox_table),
    )
    return partial(_answer, context)


def _answer(context: Context, event: Mapping[str, Any]) -> front.Answered:
    return front.answer(event, context, now_ms=now_ms())
