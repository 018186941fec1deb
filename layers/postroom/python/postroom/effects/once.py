"""An effect outside our tables, once: claim, do, record.

    claim    a fact says that an attempt begins; only one run can write it. The first attempt's fact is the intent.
    do       the effect itself: SES sends, a relay takes a message, an object is written.
    record   a fact says how the attempt ended, in the transaction that ends the effect's orders.

What a stop leaves behind:

    before claim            nothing; the order comes again.
    between claim and do    an attempt without an end. After ``redo_after_ms`` the next run makes another.
    between do and record   the same, and the effect took place: it is repeated. This is the only window for a repeat,
                            because the outside cannot be asked what it did.
    after record            nothing; the effect has its end, and its orders ended with it.

An error that ``do`` raises counts as a stop: it is not known whether the effect took place. An attempt of which that is
known reports it: TEMPORARY, and the retry schedule decides when the next attempt is due.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from postroom.effects.retries import RetrySchedule
from postroom.model.facts import Fact
from postroom.ports.transit import Allowance, Commit, Outcome, OverLimit, SettleIfThere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from postroom.contracts.orders import Order
    from postroom.model.facts import OwnFact
    from postroom.ports.transit import Transit

REDO_AFTER_MS: Final = 2 * 60_000
"""Milliseconds after which an attempt without an end counts as stopped: longer than any function runs. Ours."""

DUE: Final = "due"
"""Member of a failed attempt's fact: when the next attempt is due, in milliseconds since the epoch."""


class Result(StrEnum):
    """How an attempt ended."""

    SUCCESS = "SUCCESS"
    TEMPORARY = "TEMPORARY"  # the effect did not take place; another attempt may succeed
    PERMANENT = "PERMANENT"  # the effect did not take place, and no other attempt is made


class Progress(StrEnum):
    """How far an effect is."""

    ENDED = "ENDED"  # its end is recorded, now or before
    WAITING = "WAITING"  # another attempt is running, or the next is due later: look again


@dataclass(frozen=True, slots=True)
class Report:
    """How an attempt ended, as a fact: its name, and data beside what this module adds."""

    result: Result
    name: OwnFact
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect and what is recorded of it.

    Attributes:
        intent: the fact that claims the first attempt; its key, unique in its trace, names the effect.
        about: data that each further fact of the effect holds.
        recorded: its facts that are recorded, by key; empty for a new effect.
    """

    intent: Fact
    about: Mapping[str, Any] = field(default_factory=dict)
    recorded: Mapping[str, Fact] = field(default_factory=dict)

    def with_facts(self, facts: Iterable[Fact]) -> Effect:
        """Return the effect with those of its trace's facts that are its own."""
        name, prefix = self.intent.key, f"{self.intent.key}:"
        return replace(
            self, recorded={each.key: each for each in facts if each.key == name or each.key.startswith(prefix)}
        )

    @property
    def has_ended(self) -> bool:
        """Whether no other attempt is made."""
        return self._end_key in self.recorded

    @property
    def attempts(self) -> int:
        """How many attempts were claimed."""
        return sum(key == self.intent.key or key.startswith(f"{self.intent.key}:attempt:") for key in self.recorded)

    def due_ms(self, redo_after_ms: int) -> int:
        """Return when the next attempt is due, in milliseconds since the epoch; 0: at once."""
        if not self.attempts:
            return 0
        failure = self.recorded.get(self._failure_key(self.attempts))
        if failure is not None:
            return int(failure.data[DUE])
        return self.recorded[self._attempt_key(self.attempts)].at + redo_after_ms

    def claimed(self, now_ms: int) -> Effect:
        """Return the effect with its next attempt claimed."""
        number = self.attempts + 1
        key = self._attempt_key(number)
        claim = self._fact(key, now_ms, self.intent.name, {"attempt": number}) if number > 1 else self.intent
        return replace(self, recorded={**self.recorded, key: claim})

    @property
    def claim(self) -> Fact:
        """The fact that claims the newest attempt."""
        return self.recorded[self._attempt_key(self.attempts)]

    def end(self, report: Report, now_ms: int) -> Fact:
        """Return the fact that ends the effect."""
        return self._fact(self._end_key, now_ms, report.name, report.data)

    def failure(self, report: Report, now_ms: int, due_ms: int) -> Fact:
        """Return the fact that the newest attempt failed, and when the next is due."""
        return self._fact(self._failure_key(self.attempts), now_ms, report.name, {**report.data, DUE: due_ms})

    def _fact(self, key: str, at: int, name: Any, data: Mapping[str, Any]) -> Fact:
        return Fact(self.intent.trace, self.intent.organization_id, name, key, at, data={**self.about, **data})

    @property
    def _end_key(self) -> str:
        return f"{self.intent.key}:end"

    def _attempt_key(self, number: int) -> str:
        return self.intent.key if number == 1 else f"{self.intent.key}:attempt:{number}"

    def _failure_key(self, number: int) -> str:
        return f"{self.intent.key}:failed:{number}"


@dataclass(frozen=True, slots=True)
class Once:
    """Carries effects out. ``now`` gives milliseconds since the epoch, ``chance`` a number from 0 to below 1."""

    transit: Transit
    now: Callable[[], int]
    chance: Callable[[], float]
    schedule: RetrySchedule = field(default_factory=RetrySchedule)
    redo_after_ms: int = REDO_AFTER_MS

    def carry_out(
        self,
        effect: Effect,
        do: Callable[[], Report],
        *,
        orders: Sequence[Order] = (),
        allowances: Sequence[Allowance] = (),
    ) -> Progress | OverLimit:
        """Make the next attempt, if it is due and no other run makes it.

        Args:
            do: makes the attempt. It is called at most once.
            orders: those that end with the effect, as far as they are there.
            allowances: counted with the first attempt. If one is used up, nothing is claimed.

        Raises:
            Whatever ``do`` raises: the attempt has no end.
            TemporaryError: transit could not be written.
        """
        if effect.has_ended:
            self.transit.commit(Commit(list(map(SettleIfThere, orders))))
            return Progress.ENDED
        if self.now() < effect.due_ms(self.redo_after_ms):
            return Progress.WAITING
        limits = () if effect.attempts else allowances
        claimed = effect.claimed(self.now())
        outcome = self.transit.commit(Commit(facts=[claimed.claim], allowances=limits))
        if isinstance(outcome, OverLimit):
            return outcome
        if outcome is not Outcome.DONE:  # another run has claimed this attempt
            return Progress.WAITING
        return self.record(claimed, do(), orders)

    def record(self, effect: Effect, report: Report, orders: Sequence[Order] = ()) -> Progress:
        """Record how the newest attempt ended; also without one, for an effect that is given up."""
        if report.result is Result.TEMPORARY:
            due = self.now() + self.schedule.gap_ms(effect.attempts - 1, self.chance())
            self.transit.commit(Commit(facts=[effect.failure(report, self.now(), due)]))
            return Progress.WAITING
        ended = Commit(list(map(SettleIfThere, orders)), [effect.end(report, self.now())])
        outcome = self.transit.commit(ended)
        return Progress.ENDED if outcome is Outcome.DONE else Progress.WAITING  # another run has recorded an end
