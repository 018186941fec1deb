"""A scenario under a fault: one run per call that may go wrong, and a check of the invariants after each run."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from tests.faults.evidence import gather
from tests.faults.faults import IN_ORDER, CallFault, Fault
from tests.faults.harness import Harness
from tests.faults.injector import Injector
from tests.faults.invariants import Finding, Kind, findings
from tests.support.stack import empty_stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.faults.faults import Handing
    from tests.faults.injector import Strike
    from tests.faults.scenario import Scenario

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Trouble:
    """A finding of one run. ``place`` names the call that went wrong, or the way of handing messages out."""

    place: str
    finding: Finding


@dataclass(slots=True)
class Result:
    """All runs of one scenario under one fault."""

    scenario: str
    fault: str
    runs: int = 0
    troubles: list[Trouble] = field(default_factory=list)

    @property
    def counts(self) -> Counter[Kind]:
        """The number of findings per kind."""
        return Counter(trouble.finding.kind for trouble in self.troubles)


class ScenarioError(Exception):
    """A scenario fails without any fault: the scenario, or the code, is wrong."""


@dataclass(frozen=True, slots=True)
class Walk:
    """One scenario that can be played repeatedly. ``calls`` are the AWS calls of a run without a fault."""

    scenario: Scenario
    harness: Harness
    calls: tuple[str, ...]

    def under(self, fault: Fault, *, most: int | None = None, until: Kind | None = None) -> Result:
        """Play the scenario with a fault in each place.

        Args:
            most: largest number of places, spread evenly and different per fault; None for all.
            until: ends the walk: the first finding of this kind.
        """
        result = Result(self.scenario.name, fault.name)
        if isinstance(fault, CallFault):
            for place in self._some(fault.places(self.calls), fault, most):
                if until not in result.counts:
                    self._run(result, "", at=place, strike=fault.strike)
        else:
            for way in self._some(fault.ways, fault, most):
                if until not in result.counts:
                    self._run(result, str(way), handing=way)
        return result

    def _some(self, places: Sequence[T], fault: Fault, most: int | None) -> Sequence[T]:
        step = 1 if most is None else -(-len(places) // most)
        return places[sum(map(ord, self.scenario.name + fault.name)) % step :: step]

    def _run(
        self,
        result: Result,
        place: str,
        *,
        handing: Handing = IN_ORDER,
        at: int | None = None,
        strike: Strike | None = None,
    ) -> None:
        found = play(self.scenario, self.harness, handing=handing, at=at, strike=strike)
        where = place or f"call {at}, {self.harness.injector.struck}"
        if at is not None and not self.harness.injector.struck:
            found.append(Finding(Kind.WRONG, "this call was never made: the scenario does not repeat itself"))
        result.runs += 1
        result.troubles += [Trouble(where, finding) for finding in found]


def play(
    scenario: Scenario,
    harness: Harness,
    *,
    handing: Handing = IN_ORDER,
    at: int | None = None,
    strike: Strike | None = None,
) -> list[Finding]:
    """Play a scenario once and return its findings; an exception is a finding as well."""
    harness.begin(handing)
    harness.injector.arm(at, strike)
    try:
        scenario.play(harness)
    except Exception as error:  # noqa: BLE001 - any exception is a finding
        return [Finding(Kind.LOST, f"it did not come to an end: {type(error).__name__}: {error}")]
    return findings(gather(harness), scenario)


@contextmanager
def prepared(scenario: Scenario) -> Iterator[Walk]:
    """Make a stack with the scenario's directory, and play the scenario once without a fault.

    Raises:
        ScenarioError: that run has findings, or no call that could go wrong.
    """
    with (
        empty_stack() as stack,
        Harness(stack, Injector(scenario.struck), scenario.functions, scenario.people).open() as harness,
    ):
        if found := play(scenario, harness):
            raise ScenarioError(f"{scenario.name}: " + "; ".join(finding.text for finding in found))
        if not harness.injector.calls:
            raise ScenarioError(f"{scenario.name}: {', '.join(scenario.struck)} made no call that could go wrong")
        yield Walk(scenario, harness, tuple(harness.injector.calls))
