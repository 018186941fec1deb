"""Common parts of record_events and retry_events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from postroom.contracts.pointers import FactPointer, Part

if TYPE_CHECKING:
    from postroom.model.facts import Fact

Remaining = Callable[[], int]
"""Returns the milliseconds until the function is stopped."""

OUT_OF_TIME: Final = "the function ran out of time"


class Projection(Protocol):
    """One target of facts: the event logs, or the event bus."""

    def write(self, facts: Sequence[Fact], remaining_ms: Remaining) -> Mapping[str, str]:
        """Write facts to the target. Raises no PostroomError.

        Returns:
            Ids of the facts that may be missing in the target, each with its cause.
        """


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a batch.

    Attributes:
        projected: how many facts were read.
        refused: the cause for each fact that must be tried again later.
        failed: ids of the records that the source must return again, in its order.
    """

    projected: int
    refused: Mapping[FactPointer, str]
    failed: tuple[str, ...]

    @property
    def summary(self) -> dict[str, Any]:
        """Counts and causes for an operational log, without content and addresses."""
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
    projections: Mapping[Part, Projection], wanted: Mapping[Part, Sequence[Fact]], remaining_ms: Remaining
) -> dict[FactPointer, str]:
    """Write facts to their targets.

    Args:
        wanted: the facts for each target.

    Returns:
        A pointer for each fact that may be missing in a target; it names those targets. The value is the causes.
    """
    facts: dict[str, Fact] = {}
    causes: dict[str, dict[Part, str]] = {}
    for part, projection in projections.items():
        facts |= {fact.id: fact for fact in wanted.get(part, ())}
        for fact_id, cause in projection.write(wanted.get(part, ()), remaining_ms).items():
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
