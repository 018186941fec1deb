"""EWS servers in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.model.free_busy import FailureCode, MailboxAvailability, MailboxFailure
from postroom.ports.ews_servers import EwsServers, ServerFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.availability import EwsProvider
    from postroom.model.free_busy import MailboxResult


class MemoryEwsServers(EwsServers):
    """Servers by their endpoints.

    Attributes:
        accounts: user name and password that a server takes.
        calendars: what a server knows of its mailboxes, whose addresses are in lower case.
        failures: of servers that answer for no mailbox.
        asked: endpoint and mailboxes of each question, in order.
    """

    def __init__(self) -> None:
        self.accounts: dict[str, tuple[str, str]] = {}
        self.calendars: dict[str, dict[str, MailboxAvailability]] = {}
        self.failures: dict[str, ServerFailure] = {}
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def free_busy(
        self, provider: EwsProvider, password: str, mailboxes: Sequence[str], start_ms: int, end_ms: int
    ) -> tuple[MailboxResult, ...] | ServerFailure:
        endpoint = provider.endpoint
        self.asked.append((endpoint, tuple(mailboxes)))
        if endpoint in self.failures:
            return self.failures[endpoint]
        if endpoint not in self.accounts:
            return ServerFailure(FailureCode.FREE_BUSY_GENERATION_FAILED, "The EWS server cannot be reached.")
        if self.accounts[endpoint] != (provider.user_name, password):
            said = "The EWS server refused the user name or the password."
            return ServerFailure(FailureCode.FREE_BUSY_GENERATION_FAILED, said)
        known = self.calendars.get(endpoint, {})
        return tuple(_result(known.get(mailbox.lower()), mailbox, start_ms, end_ms) for mailbox in mailboxes)


def _result(known: MailboxAvailability | None, mailbox: str, start_ms: int, end_ms: int) -> MailboxResult:
    if known is None:
        said = "The mailbox's server refused the mailbox: ErrorMailRecipientNotFound."
        return MailboxFailure(mailbox, FailureCode.MAIL_RECIPIENT_NOT_FOUND, said)
    inside = (event for event in known.events if event.start_ms < end_ms and event.end_ms > start_ms)
    return MailboxAvailability(mailbox, tuple(inside), known.working_hours)
