"""Parts of functions and tools that read or change calendars."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.calendars import DynamoCalendars
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import FlowSettings
from postroom.calendar_store.store import CalendarStore

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from postroom.ports.mailbox_keys import MailboxKeys
    from postroom.ports.mailboxes import MailboxHeads
    from postroom.ports.sealed_mail import SealedMail


class CalendarSettings(FlowSettings):
    """Of functions that read or change calendars: a change may end orders and write facts."""

    mailbox_table: str


def calendars(settings: CalendarSettings) -> DynamoCalendars:
    """Return the index of calendars."""
    return DynamoCalendars(
        clients.dynamodb(), settings.mailbox_table, settings.transit_table, settings.ledger_table, now_ms
    )


def store(
    settings: CalendarSettings,
    *,
    mailboxes: MailboxHeads,
    keys: MailboxKeys,
    sealed: SealedMail,
    executor: Executor | None = None,
) -> CalendarStore:
    """Return what opens calendars and changes them; ``executor`` as in ``CalendarStore``."""
    return CalendarStore(mailboxes, calendars(settings), keys, sealed, now_ms, os.urandom, executor)
