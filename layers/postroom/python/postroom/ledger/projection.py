"""What record_events and retry_events have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from postroom.contracts.between_stations import FactPointer, Part

if TYPE_CHECKING:
    from postroom.model.facts import Fact

Remaining = Callable[[], int]
"""Milliseconds until the function is stopped."""

RESERVE: Final = 30_000
"""Milliseconds of a function's time that are kept for handing over what it did not get to: below that, nothing new is
begun. Ours; a call to a service that does not answer takes at most half of it."""

OUT_OF_TIME: Final = "the function ran out of time"


class Projection(Protocol):
    """One place that facts go to."""

    def write(self, facts: Sequence[Fact], remaining: Remaining) -> Mapping[str, str]:
        """Write facts there.

        Returns:
            Ids of the facts that may be missing there, each with its cause; never raises one of our errors.
        """


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch: ``failed`` holds what the source must hand out again, in its order.

    ``refused`` says what goes, or stays, to be tried later: cause by organization and fact.
    """

    projected: int
    refused: Mapping[FactPointer, str]
    failed: tuple[str, ...]

    @property
    def summary(self) -> dict[str, Any]:
        """Return counts and causes for an operational log: no content, no addresses."""
        causes = Counter((pointer.organization_id, cause) for pointer, cause in self.refused.items())
        return {
            "projected": self.projected,
            "failed": len(self.failed),
            "refused": [
                {"organizationId": organization, "cause": cause, "facts": count}
                for (organization, cause), count in causes.items()
            ],
        }


def write_parts(
    projections: Mapping[Part, Projection], wanted: Mapping[Part, Sequence[Fact]], remaining: Remaining
) -> dict[FactPointer, str]:
    """Write facts to the parts that want them.

    Returns:
        A pointer for each fact that may be missing somewhere, naming where, with the causes.
    """
    facts: dict[str, Fact] = {}
    causes: dict[str, dict[Part, str]] = {}
    for part, projection in projections.items():
        facts |= {fact.id: fact for fact in wanted.get(part, ())}
        for fact_id, cause in projection.write(wanted.get(part, ()), remaining).items():
            causes.setdefault(fact_id, {})[part] = cause
    return {
        FactPointer(
            trace=facts[fact_id].trace,
            key=facts[fact_id].key,
            organization_id=facts[fact_id].organization_id,
            parts=tuple(by_part),
        ): "; ".join(dict.fromkeys(by_part.values()))
        for fact_id, by_part in causes.items()
    }
