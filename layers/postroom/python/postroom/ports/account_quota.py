"""Counters of the account: how many recipients all organizations of a stack have sent to in a day."""

from __future__ import annotations

from typing import Protocol


class AccountQuota(Protocol):
    """Suite: tests/contract/test_account_quota.py."""

    def take(self, name: str, count: int, most: int, expires_s: int) -> bool:
        """Add to a counter, unless it would exceed ``most``; ``False``: nothing was added.

        An answer that is lost may have been counted: a counter may be too high, never too low.

        Args:
            name: of the counter: what is counted, and the day.
            count: at least 1.
            expires_s: when the counter may go, in seconds since the epoch.

        Raises:
            StoreUnavailableError: the table did not answer.
        """
