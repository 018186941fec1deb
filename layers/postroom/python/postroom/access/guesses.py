"""Slows down callers that guess a user's password from one address, without locking the user out.

While a user's attempts from an address wait, each is answered as a wrong password, at the same cost, and does not
count. After the wait one attempt is compared. It is counted before it is compared, on the version of the row, so that
of many requests at once one is compared. The first failures are counted afterwards.

A name that no user has is counted like a user, so that the time of the writes does not tell which users exist.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.errors import ConflictError, TakenError
from postroom.model.failed_logins import FREE_FAILURES, FailedLogins, first_failure, key_of, source_of
from postroom.model.limits import CONFLICT_ATTEMPTS
from postroom.model.records import Insert, Remove, Replace

if TYPE_CHECKING:
    from postroom.model.records import Change
    from postroom.ports.directory import Accounts


@dataclass(frozen=True, slots=True)
class Pair:
    """A user and an address."""

    organization_id: str
    user: str
    source: str


def pair_of(organization_id: str, user_id: str, name: str, source_ip: str) -> Pair:
    """Return the pair of an attempt; ``name`` counts if there is no such user, in any case as a user's does."""
    user = user_id or f"?{hashlib.sha256(name.strip().lower().encode()).hexdigest()[:32]}"
    return Pair(organization_id, user, source_of(source_ip))


@dataclass(slots=True)
class Guesses:
    """The failures of one pair, for one attempt.

    Attributes:
        may_try: whether a password may be compared now.
    """

    accounts: Accounts
    pair: Pair
    now_ms: int
    may_try: bool = True
    _row: FailedLogins | None = None
    _is_counted: bool = False

    @classmethod
    def read(cls, accounts: Accounts, pair: Pair, now_ms: int) -> Guesses:
        """Read the failures; after a wait, claim the one attempt that is compared.

        Raises:
            StoreUnavailableError: the directory did not answer.
        """
        made = cls(accounts, pair, now_ms)
        row = made._row = made._stored()
        if row is None or row.is_over(now_ms) or row.failures < FREE_FAILURES:
            return made
        made.may_try = row.waits_until_ms <= now_ms and made._wrote(Replace(row.one_more(now_ms)))
        made._is_counted = True
        return made

    def failed(self) -> None:
        """Count a failure of this attempt, once.

        If other attempts keep counting theirs first, the pair waits already, and this one is left out.

        Raises:
            StoreUnavailableError: as above.
        """
        for _ in range(0 if self._is_counted else CONFLICT_ATTEMPTS):
            self._is_counted = True
            row = self._row
            if self._wrote(Replace(row.one_more(self.now_ms)) if row else Insert(self._first())):
                self._row = row or self._first()
                return
            self._row = self._stored()

    def succeeded(self) -> None:
        """Forget the failures.

        Raises:
            StoreUnavailableError: as above.
        """
        if self._row is not None:
            self.accounts.commit([Remove(self._row)])

    def _first(self) -> FailedLogins:
        return first_failure(self.pair.organization_id, self.pair.user, self.pair.source, self.now_ms)

    def _stored(self) -> FailedLogins | None:
        return self.accounts.owned(FailedLogins, self.pair.organization_id, key_of(self.pair.user, self.pair.source))

    def _wrote(self, change: Change) -> bool:
        try:
            self.accounts.commit([change])
        except (ConflictError, TakenError):
            return False
        return True
