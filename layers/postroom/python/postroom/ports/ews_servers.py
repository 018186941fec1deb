"""EWS servers of other organizations, which are asked for free/busy information."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.availability import EwsProvider
    from postroom.model.free_busy import FailureCode, MailboxResult

MAX_SECONDS: Final = 25
"""Longest time of one call, everything included. Source: guide, the time that a CAP function has (ZH:3040)."""


@dataclass(frozen=True, slots=True)
class ServerFailure:
    """Why a server answered for no mailbox.

    Attributes:
        code: of every mailbox of the question.
        message: one sentence for the administrator: no address of the server, no password, nothing that it answered.
    """

    code: FailureCode
    message: str


class EwsServers(Protocol):
    """Asks EWS servers. Suite: tests/contract/test_ews_servers.py. No method raises: a failure is a result."""

    def free_busy(
        self, provider: EwsProvider, password: str, mailboxes: Sequence[str], start_ms: int, end_ms: int
    ) -> tuple[MailboxResult, ...] | ServerFailure:
        """Ask a server once, without retries; return one result per mailbox, in their order, within ``MAX_SECONDS``.

        Args:
            mailboxes: 1 to ``MAX_MAILBOXES`` addresses.
        """
