"""What the sweep reads for a stored message, from its arrival to its removal, with one organization and with many.

The sweep of functions/sweep runs on the emulator at the times of a small stack's sweeps, by a clock of its own: an
hour after the messages came, when it asks for their flows, and 31 days after, when it removes them. A life of ten
messages more counts; what a sweep reads in any case falls out of the difference.
"""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks.pipeline import WRITTEN_AT_ONCE, pipeline
from benchmarks.prices import Unit, dollars
from postroom.adapters.aws.directory_rows import key_item
from postroom.adapters.memory.sweep_rounds import MemorySweepRounds
from postroom.bootstrap import sweep as bootstrap
from postroom.bootstrap.clock import now_ms
from postroom.model.limits import DAY_MS, HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.pipeline import Pipeline
    from postroom.parking.sweep import Sweep

ORGANIZATIONS: Final = 1_000
FEW: Final = 2
MORE: Final = 10
AT_MS: Final = (HOUR_MS * 7 // 6, HOUR_MS * 17 // 12, HOUR_MS * 5 // 3, 31 * DAY_MS, 31 * DAY_MS + HOUR_MS // 4)
"""Ages of the messages at which a sweep runs."""

BUDGET: Final = 1.0
BUDGET_UNITS: Final = 2.5
"""Read units per message: half of one for each time that it is asked for its flow, and one for its facts and one for
what may be open at the end."""

BUDGET_DOLLARS: Final = 0.35
"""Of the reads of a million messages."""


@dataclass(frozen=True, slots=True)
class Life:
    """What one stored message takes of the sweep, by unit."""

    one: Mapping[Unit, float]
    many: Mapping[Unit, float]

    @property
    def times(self) -> float:
        """Read units with many organizations, as times those with one."""
        return self.many[Unit.DYNAMODB_READ] / self.one[Unit.DYNAMODB_READ]

    @property
    def dollars(self) -> float:
        """Of a million messages."""
        return sum(dollars(unit, count * 1_000_000) for unit, count in self.one.items())


def measure() -> Life:
    """Count on the emulator.

    Raises:
        RuntimeError: a message was not removed; the counts are then without meaning.
    """
    with pipeline() as stations:
        recipient = stations.add_user("ann.archer")
        sweep = bootstrap.build(bootstrap.SweepSettings.read(stations.stack.settings()))
        one = _of_a_message(stations, sweep, recipient)
        others = [key_item(("ORGS", f"m-{number:032x}")) for number in range(ORGANIZATIONS - 1)]
        for start in range(0, len(others), WRITTEN_AT_ONCE):
            stations.put(others[start : start + WRITTEN_AT_ONCE])
        return Life(one, _of_a_message(stations, sweep, recipient))


def _of_a_message(stations: Pipeline, sweep: Sweep, recipient: str) -> dict[Unit, float]:
    few, more = (_life(stations, sweep, recipient, number) for number in (FEW, FEW + MORE))
    return {unit: (more[unit] - few[unit]) / MORE for unit in more}


def _life(stations: Pipeline, sweep: Sweep, recipient: str, number: int) -> Counter[Unit]:
    """Return what the sweeps of some messages' life take."""
    for _ in range(number):
        stations.message(recipient)
    stations.clear()
    began, retired = now_ms(), 0
    sweep = replace(sweep, rounds=MemorySweepRounds())
    with stations.meter.of("SweepFunction"), contextlib.redirect_stdout(io.StringIO()):
        for age in AT_MS:
            retired += replace(sweep, now=partial(int, began + age)).run()["retired"]
    if retired != number:
        raise RuntimeError(f"{retired} of {number} messages were removed")
    found: Counter[Unit] = Counter()
    for (_, unit), count in stations.meter.units.items():
        found[unit] += count
    return found
