"""Keeping a function that fails and fails from taking the workers' time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from postroom.ports.rule_functions import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.ports.probes import Probes

PATIENCE: Final = 15_000
"""Milliseconds that failed calls in a row may take before a function is held back: as long as one that hangs. Ours."""

PAUSE_SECONDS: Final = 30
"""Seconds without a call after one of a function that is held back has failed. Ours."""

PROBE_SECONDS: Final = 30
"""Seconds for which a worker that crashed while calling keeps others from it; longer than a call takes. Ours."""


@dataclass(slots=True)
class Breaker:
    """What one worker has seen of each function, for each organization. ``name_turn`` gives names that no other has.

    ``group`` is ``RuleCall.group``: where one organization's mail makes a function fail, others' mail is still asked
    about.

    What counts is the time that failed calls take: who fails at once takes nobody's, and is asked about each message.
    A function that is held back is still called, so that it is found out when it works again: by one of all workers,
    once a ``pause`` (seconds). Workers tell each other nothing else, so that a message whose function works costs no
    read: each learns from its own calls, and may take its turn as soon as another's went well.
    """

    probes: Probes
    name_turn: Callable[[], str]
    pause: int = PAUSE_SECONDS
    _lost: dict[str, int] = field(default_factory=dict)
    _turns: dict[str, str] = field(default_factory=dict)

    def holds_back(self, group: str) -> bool:
        """Say whether to leave a function alone now; whoever is told ``False`` must call it, and say how it went.

        Raises:
            StoreUnavailableError: it is not known whose turn it is; nothing was called.
        """
        if self._lost.get(group, 0) < PATIENCE:
            return False
        turn = self.name_turn()
        if not self.probes.take(group, turn, PROBE_SECONDS):
            return True
        self._turns[group] = turn
        return False

    def went(self, group: str, failure: Failure | None, took: int) -> None:
        """Learn how a call went, and how many milliseconds it took.

        Raises:
            StoreUnavailableError: others could not be told that the pause begins, or that they may call.
        """
        turn = self._turns.pop(group, None)
        if failure is None:
            self._lost.pop(group, None)
            if turn is not None:
                self.probes.give_back(group, turn)
            return
        lost = PATIENCE if failure is Failure.TIMED_OUT else max(took, 0)
        self._lost[group] = self._lost.get(group, 0) + lost
        if self._lost[group] >= PATIENCE:
            self.probes.take(group, turn or self.name_turn(), self.pause)
