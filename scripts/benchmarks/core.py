"""How long the decision about a message takes, beside a full parse of the same message by Python's own library.

The decision is what ingest does between reading and writing: find and read the header fields, look for what is too
much, find the organization, match its rules, resolve its recipients, plan. The directory is the one in memory, so that
nothing waits. What is compared runs in turn, round by round, and the median of the rounds' ratios counts.
"""

from __future__ import annotations

import email
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.meter import KB
from benchmarks.pipeline import DOMAIN, MESSAGE, ORGANIZATION, SENDER, user
from postroom.adapters.memory.directory import MemoryDirectory
from postroom.contracts.orders import DeliveryOrder, RawLocation
from postroom.inbound import policy
from postroom.inbound.policy import InboundSettings
from postroom.mime.excess import excess
from postroom.mime.headers import Headers, read_headers
from postroom.model.limits import MB
from postroom.model.records import Domain, DomainState, Insert
from postroom.model.rule_index import RuleSet
from postroom.model.rules import ActionType, Direction, Pattern, Rule, RuleAction
from postroom.model.verdicts import Verdict, Verdicts
from postroom.routing.plan import Flow
from postroom.routing.resolve import by_organization

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PASSED: Final = Verdicts(Verdict.PASS, Verdict.PASS, Verdict.PASS, Verdict.PASS, Verdict.PASS)
LARGE: Final = MB + 64 * KB
"""How long both messages are whose header blocks are compared, in bytes."""

TRACE: Final = "5f" * 16
RAW: Final = RawLocation(bucket="postroom-inbound", key="inbound/o3vrnil0e2ic28trm7dfhrc2v0clambda4nbp0g1")

ROUNDS: Final = 15
ROUND_SECONDS: Final = 0.05
"""How long each thing is repeated in a round, in seconds of CPU."""


@dataclass(frozen=True, slots=True)
class Core:
    """Ratios, and what they are ratios of, in microseconds; medians."""

    parse: float
    few: float
    many: float
    long: float
    matching: float


def rules(patterns: int, *, matching: bool = True) -> RuleSet:
    """Return rules of ten sender patterns each; one pattern matches the message's sender, or none."""
    texts = ["*.example.org" if matching else "*.example.net"]
    kinds = ("someone-{n}@partner-{n}.example", "company-{n}.example", "*.region-{n}.example", "person-{n}@example.net")
    texts += [kinds[number % 4].format(n=number) for number in range(patterns - 1)]
    made = [
        Rule(
            id=f"r-{start:04d}",
            name=f"rule {start}",
            direction=Direction.INBOUND,
            description="",
            sender_patterns=tuple(map(Pattern.parse, texts[start : start + 10])),
            recipient_patterns=(Pattern.parse("*"), Pattern.parse(DOMAIN)),
            action=RuleAction(ActionType.MOVE_TO_JUNK),
            created=start,
            modified=start,
        )
        for start in range(0, patterns, 10)
    ]
    return RuleSet(made, Direction.INBOUND)


def with_header_block(size: int, of: int) -> bytes:
    """Return the message with an ordinary header block of so many bytes, and as long as it takes to be ``of`` bytes.

    Half of what is added to the block are addresses in To and Cc, half are other fields.
    """
    head, _, body = MESSAGE.partition(b"\r\n\r\n")
    room = max(size - len(head), 0)
    mailbox = b'"Person, Number %d" <person-%d@partner-%d.example>'
    some = [mailbox % (number, number, number % 50) for number in range(room // 4 // (len(mailbox) + 12))]
    to, cc = (b"%b: %b\r\n" % (name, b",\r\n ".join(some)) for name in (b"To", b"Cc"))
    other = b"X-Trace-%d: by relay-%d.example.org; of a message that went on and on\r\n"
    others = b"".join(
        other % (number, number) for number in range(max(room - len(to) - len(cc), 0) // (len(other) + 4))
    )
    long = b"".join([head, b"\r\n", *([to, cc, others] if some else []), b"\r\n", body])
    line = b"and so on, line by line, until the message is as long as it has to be\r\n"
    return long + line * ((of - len(long)) // len(line))


@dataclass(frozen=True, slots=True)
class Decider:
    """The decision, with the directory and the rules in memory."""

    directory: MemoryDirectory
    rules: RuleSet

    @classmethod
    def of(cls, users: int, patterns: int) -> Decider:
        """Return a decider of an organization with so many users and sender patterns."""
        directory = MemoryDirectory()
        domain = Domain(name=DOMAIN, organization=ORGANIZATION.ref, is_test=False, state=DomainState.ACTIVE)
        directory.commit([Insert(ORGANIZATION), Insert(domain)])
        for number in range(users):
            entity, claims = user(ORGANIZATION, f"user-{number:05d}")
            directory.commit([Insert(entity), *(Insert(claim) for claim in claims)])
        return cls(directory, rules(patterns))

    def decide(self, content: bytes, recipients: Sequence[str]) -> int:
        """Decide about a message; return how many mailboxes get it."""
        seen = read_headers(lambda length: (content[:length], len(content)))
        too_much = excess(seen, len(recipients), lambda: content)
        ((domains, wanted),), _ = by_organization(recipients, self.directory)
        settings = InboundSettings(domains, self.rules, plus_addressing=True)
        flow = Flow(TRACE, ORGANIZATION.id, SENDER, RAW, seen.size, 0, 0)
        plan = policy.decide(flow, seen.headers, PASSED, wanted, settings, self.directory, "", excess=too_much)
        return sum(isinstance(entry, DeliveryOrder) for entry in plan.entries)


def measure(rounds: int = ROUNDS) -> Core:
    """Measure everything in turn.

    Raises:
        RuntimeError: the decision was wrong, so that its time is without meaning.
    """
    decider = Decider.of(users=500, patterns=1000)
    few, many = ([f"user-{number:05d}@{DOMAIN}" for number in range(size)] for size in (3, 500))
    if (decider.decide(MESSAGE, few), decider.decide(MESSAGE, many)) != (3, 500):
        raise RuntimeError("the decision does not reach every recipient")
    small, large = rules(10), decider.rules
    (((_, wanted),), _) = by_organization(few, decider.directory)
    (reading,) = Headers.of(MESSAGE).authors.readings
    if {len(each.decide(*reading, wanted)) for each in (small, large)} != {3}:
        raise RuntimeError("the rules do not match")
    short_block, long_block = (with_header_block(size, LARGE) for size in (3 * KB, MB - KB))
    if {len(each.authors.readings[0].froms) for each in map(Headers.of, (short_block, long_block))} != {1}:
        raise RuntimeError("the sender is not the same")
    what: Mapping[str, Callable[[], object]] = {
        "parse": lambda: email.message_from_bytes(MESSAGE),
        "few": lambda: decider.decide(MESSAGE, few),
        "many": lambda: decider.decide(MESSAGE, many),
        "small": lambda: small.decide(*reading, wanted),
        "short block": lambda: decider.decide(short_block, few),
        "long block": lambda: decider.decide(long_block, few),
        "large": lambda: large.decide(*reading, wanted),
    }
    times = [{name: seconds(run) for name, run in what.items()} for _ in range(rounds + 1)][1:]
    return Core(
        parse=statistics.median(each["parse"] for each in times) * 1e6,
        few=statistics.median(each["few"] / each["parse"] for each in times),
        many=statistics.median(each["many"] / each["parse"] for each in times),
        long=statistics.median(each["long block"] / each["short block"] for each in times),
        matching=statistics.median(each["large"] / each["small"] for each in times),
    )


def seconds(run: Callable[[], object]) -> float:
    """Return how long one call takes, in seconds of CPU."""
    calls, start = 0, time.process_time()
    while (taken := time.process_time() - start) < ROUND_SECONDS:
        run()
        calls += 1
    return taken / calls
