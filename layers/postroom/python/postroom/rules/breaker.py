"""The breaker of rule functions: a function that fails again and again, and slowly, is called rarely."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from postroom.ports.rule_functions import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.ports.probes import Probes

MAX_FAILED_MS: Final = 15_000
"""Time that failed calls in a row may take before a function is held back: that of one call without an answer. Ours."""

PAUSE_SECONDS: Final = 30
"""Time without a call after a function that is held back has failed. Ours."""

PROBE_SECONDS: Final = 30
"""Time for which a worker that crashed during a call keeps its turn; longer than a call takes. Ours."""


@dataclass(slots=True)
class Breaker:
    """What one worker knows of each function, per organization.

    Only the time that failed calls take counts: a function that fails fast costs no worker time, so it is called for
    every message. A function that is held back is still called, by one of all workers and once per pause, so that a
    repaired function is noticed. Workers share only whose turn that is, so a call of a function that works costs no
    read: each worker learns from its own calls, and may take the turn as soon as another worker's call went well.

    In all methods ``group`` is ``RuleCall.group``: a function that fails with one organization's mail is still called
    for the mail of others.

    Attributes:
        name_turn: returns a new unique name.
        pause_s: time without a call after a function that is held back has failed.
    """

    probes: Probes
    name_turn: Callable[[], str]
    pause_s: int = PAUSE_SECONDS
    _failed_ms: dict[str, int] = field(default_factory=dict)
    _turns: dict[str, str] = field(default_factory=dict)

    def holds_back(self, group: str) -> bool:
        """Return whether a function must not be called now; after ``False``, the caller calls it, then calls ``went``.

        Raises:
            StoreUnavailableError: it is not known whose turn it is; the function must not be called.
        """
        if self._failed_ms.get(group, 0) < MAX_FAILED_MS:
            return False
        turn = self.name_turn()
        if not self.probes.take(group, turn, PROBE_SECONDS):
            return True
        self._turns[group] = turn
        return False

    def went(self, group: str, failure: Failure | None, took_ms: int) -> None:
        """Record the result of a call: ``failure`` is ``None`` after a success, ``took_ms`` the call's duration.

        Raises:
            StoreUnavailableError: the other workers do not know that the pause begins, or that they may call.
        """
        turn = self._turns.pop(group, None)
        if failure is None:
            self._failed_ms.pop(group, None)
            if turn is not None:
                self.probes.give_back(group, turn)
            return
        failed_ms = MAX_FAILED_MS if failure is Failure.TIMED_OUT else max(took_ms, 0)
        self._failed_ms[group] = self._failed_ms.get(group, 0) + failed_ms
        if self._failed_ms[group] >= MAX_FAILED_MS:
            self.probes.take(group, turn or self.name_turn(), self.pause_s)
