"""What the export of a mailbox costs and how long it takes: calls are counted on the stations, the rest is computed.

Three mailboxes are exported: one run of messages, two runs, and one run with a hundred more messages. Their differences
are what a run, a message and an export cost by themselves; a mailbox of any size follows from these.

Lambda's time is computed: the speed of packing that ``scripts/bench exports`` measures on a whole core, of which a
function has the share of its memory; and the bytes that go over the network. Neither was measured on AWS.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from benchmarks.meter import KB
from benchmarks.pipeline import pipeline
from benchmarks.prices import Unit, dollars
from postroom.contracts.export_orders import PlanExportOrder
from postroom.export.runs import PART_BYTES, PARTS_PER_RUN
from postroom.imports.importing import Importing
from postroom.imports.incoming import Incoming, Place
from postroom.imports.journal import Journal
from postroom.model.exports import MailboxExportJob
from postroom.model.folders import Folder
from postroom.model.jobs import JobState
from postroom.model.limits import MB
from postroom.model.records import Insert
from postroom.ports.transit import Commit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.pipeline import Pipeline

CORE_MB: Final = 1769
"""Memory at which a function has one vCPU. Source: Lambda developer guide, "Configure Lambda function memory"."""

LIST_MS: Final = 100
"""CPU time of a whole core in which a thousand items are listed and planned. Ours: most of it is botocore's."""

READ_MS: Final = 20
"""A GET of a message from S3. Ours, after the issue of exports; 16 run at once."""

NETWORK_MIB: Final = 75
"""MiB per second of a function, both directions. Ours: what Lambda gives is not documented."""

PACK_MIB: Final = 125
"""MiB per second that a whole core packs: half of what this bench's machine does. Ours."""

HASH_MIB: Final = 540
"""MiB per second of SHA-384 on a whole core. Source: the issue of exports."""

BUDGET: Final = 1.1
"""Calls of AWS per exported message of 25 KB."""

SIZE: Final = 50 << 30
PACKERS: Final = 16
"""Bytes of a full mailbox, and how many packers an account with 1,000 concurrent invocations has at once."""

SIZES: Final = {"25 KB": 25 * KB, "100 KB": 100 * KB, "5 MB": 5 * MB}
"""Of messages."""

LARGE: Final = 15 * MB
PER_RUN: Final = 4
"""Messages that do not shrink, four to a run of 64 MB."""

KEPT: Final = frozenset({"AssumeRole", "ListRules"})
"""Calls without a price whose answers are kept for a while: how many there are depends on time, not on messages."""

MORE: Final = 100
BUCKET: Final = "take-out"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Counts:
    """What one thing takes: calls and units by function, and invocations."""

    calls: Mapping[tuple[str, str], float]
    units: Mapping[tuple[str, Unit], float]
    invocations: Mapping[str, float]

    def less(self, other: Counts, times: float = 1) -> Counts:
        """Return these counts without ``times`` others."""
        return self.plus(other, -times)

    def plus(self, other: Counts, times: float = 1) -> Counts:
        """Return these counts and ``times`` others."""
        return Counts(
            _sum(self.calls, other.calls, times),
            _sum(self.units, other.units, times),
            _sum(self.invocations, other.invocations, times),
        )

    def over(self, number: float) -> Counts:
        """Return a part of the counts."""
        return NOTHING.plus(self, 1 / number)

    @property
    def requests(self) -> float:
        """Number of calls."""
        return sum(self.calls.values())


NOTHING: Final = Counts({}, {}, {})


@dataclass(frozen=True, slots=True)
class Export:
    """What an export takes by itself, and more for each run, and for each message; ``gigabytes`` of each function."""

    itself: Counts
    run: Counts
    message: Counts
    gigabytes: Mapping[str, float]

    def of(self, messages: int, size: int) -> Mailbox:
        """Return what a mailbox takes whose messages have ``size`` bytes together and do not shrink."""
        runs = -(-size // (PARTS_PER_RUN * PART_BYTES))
        counts = self.itself.plus(self.run, runs).plus(self.message, messages)
        return Mailbox(counts, messages, size, runs, self.gigabytes)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """What the export of a mailbox takes. Seconds are of Lambda, in sum over the invocations of a function."""

    counts: Counts
    messages: int
    size: int
    runs: int
    gigabytes: Mapping[str, float]

    @property
    def seconds(self) -> Mapping[str, float]:
        """Of each function. A packer reads its messages, and writes each byte twice: to the bucket and to us."""
        mib = self.size / MB
        pack = mib / (PACK_MIB * self._cores("PackExportFunction")) + 3 * mib / NETWORK_MIB
        waiting = self.messages * READ_MS / 1000 / 16
        return {
            "PlanExportFunction": self.messages * LIST_MS / 1e6 / self._cores("PlanExportFunction"),
            "PackExportFunction": max(pack, waiting),
            "SealExportFunction": max(mib / (HASH_MIB * self._cores("SealExportFunction")), mib / NETWORK_MIB),
        }

    def minutes(self, packers: int) -> float:
        """Return the time from start to end: plan, pack with so many at once, seal."""
        seconds = self.seconds
        rounds = -(-self.runs // packers) / self.runs
        apart = seconds["PlanExportFunction"] + seconds["SealExportFunction"]
        return (apart + seconds["PackExportFunction"] * rounds) / 60

    def dollars(self) -> Mapping[Unit, float]:
        """Return the dollars of each kind of cost."""
        by_unit: Counter[Unit] = Counter()
        for (_, unit), number in self.counts.units.items():
            by_unit[unit] += dollars(unit, number)  # type: ignore[assignment]  # counts of dollars
        gigabyte_seconds = sum(time * self.gigabytes[name] for name, time in self.seconds.items())
        return {
            **by_unit,
            Unit.LAMBDA_REQUEST: dollars(Unit.LAMBDA_REQUEST, sum(self.counts.invocations.values())),
            Unit.LAMBDA_TIME: dollars(Unit.LAMBDA_TIME, gigabyte_seconds),
        }

    def _cores(self, function: str) -> float:
        return min(self.gigabytes[function] * KB / CORE_MB, 1)


def measure_message() -> Counts:
    """Export two mailboxes with few messages; return what each further message takes.

    Raises:
        LookupError: a call was made that has no price.
        RuntimeError: a function failed, or a job did not complete.
    """
    with pipeline() as stations:
        stations.stack.client("s3").create_bucket(Bucket=BUCKET)
        _export(stations, 0, 0)
        few, more = _export(stations, 0, 1), _export(stations, 0, 1 + MORE)
    return more.less(few).over(MORE)


def measure() -> Export:
    """Export the three mailboxes.

    Raises:
        LookupError: a call was made that has no price.
        RuntimeError: a function failed, or a job did not complete.
    """
    with pipeline() as stations:
        stations.stack.client("s3").create_bucket(Bucket=BUCKET)
        _export(stations, 0, 0)  # what functions keep for a while is theirs then
        one, two, more = (_export(stations, *shape) for shape in ((PER_RUN, 0), (2 * PER_RUN, 0), (PER_RUN, MORE)))
        memory = {each.logical_id: each.memory_mb / 1024 for each in stations.stack.project.functions}
    message = more.less(one).over(MORE)
    run = two.less(one).less(message, PER_RUN)
    return Export(one.less(run).less(message, PER_RUN), run, message, memory)


def _export(stations: Pipeline, large: int, small: int) -> Counts:
    """Fill a mailbox, export it, and return what the functions called."""
    address = stations.add_user(f"user-{large}-{small}")
    operator = stations.stack.operator()
    found = operator.directory.resolve(stations.organization.id, [address])[address]
    with Journal() as journal:
        importing = Importing.into(
            found.entity_id, operator.mailboxes, operator.calendars, journal=journal, pause=lambda _: None
        )
        importing.run(_messages(large, small))
    stations.settle()
    job = MailboxExportJob(
        organization_id=stations.organization.id,
        id=f"{large:08x}-0000-0000-0000-{small:012x}",
        entity_id=found.entity_id,
        role_arn="arn:aws:iam::123456789012:role/export",
        external_id=stations.organization.arn,
        key_arn="arn:aws:kms:us-east-1:123456789012:key/theirs",
        bucket=BUCKET,
        prefix="mail",
        started=stations.organization.created,
    )
    order = PlanExportOrder(trace=job.trace, organization_id=job.organization_id, job_id=job.id)
    operator.transit.commit(Commit(orders=[order]))
    operator.records.commit([Insert(job)])
    stations.clear()
    url = stations.stack.project.attribute("PlanExportQueue")
    stations.stack.client("sqs").send_message(QueueUrl=url, MessageBody=order.message)
    stations.settle()
    ended = operator.records.owned(MailboxExportJob, job.organization_id, job.id)
    if ended is None or ended.state is not JobState.COMPLETED:
        raise RuntimeError(f"the export did not complete: {ended and ended.error_info}")
    calls = {call: number for call, number in stations.meter.calls.items() if call[1] not in KEPT}
    return Counts(calls, dict(stations.meter.units), dict(stations.invocations))


def _messages(large: int, small: int) -> Iterator[Incoming]:
    noise = random.Random(7)  # noqa: S311 - bytes that do not shrink
    for number in range(large + small):
        body = noise.randbytes(LARGE if number < large else KB)
        content = b"Subject: %d\r\n\r\n" % number + body
        yield Incoming(f"{number}", Place(Folder.INBOX), content, received=1_795_521_600_000)


def _sum(one: Mapping[T, float], other: Mapping[T, float], times: float) -> dict[T, float]:
    return {key: one.get(key, 0) + times * other.get(key, 0) for key in {**one, **other}}
