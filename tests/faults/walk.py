"""A scenario x a fault: play it once for each call that may go wrong, and look each time what became of everybody."""

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
    """What was found after one run; ``place`` names the call that went wrong, or the way of handing out."""

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
        """How many findings there are of each kind."""
        return Counter(trouble.finding.kind for trouble in self.troubles)


class ScenarioError(Exception):
    """A scenario does not hold even if nothing goes wrong: the scenario, or the code, is broken."""


@dataclass(frozen=True, slots=True)
class Walk:
    """One scenario, ready to be played as often as it takes; ``calls`` is what it does if nothing goes wrong."""

    scenario: Scenario
    harness: Harness
    calls: tuple[str, ...]

    def under(self, fault: Fault, *, most: int | None = None) -> Result:
        """Play the scenario with a fault in each place that there is.

        Args:
            most: how many places at most, spread evenly; others for another fault. All of them, unless given.
        """
        result = Result(self.scenario.name, fault.name)
        if isinstance(fault, CallFault):
            for place in self._some(range(len(self.calls)), fault, most):
                self._run(result, "", at=place, strike=fault.strike)
        else:
            for way in self._some(fault.ways, fault, most):
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
    """Play a scenario once and return what does not hold; that it did not come to an end is a finding, too."""
    harness.begin(handing)
    harness.injector.arm(at, strike)
    try:
        scenario.play(harness)
    except Exception as error:  # noqa: BLE001 - whatever it is, the walk goes on and tells of it
        return [Finding(Kind.LOST, f"it did not come to an end: {type(error).__name__}: {error}")]
    return findings(gather(harness), scenario)


@contextmanager
def prepared(scenario: Scenario) -> Iterator[Walk]:
    """Make a stack with the scenario's people, and play it once with nothing going wrong.

    Raises:
        ScenarioError: even that does not hold.
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
