"""`scripts/bench waiting`: how a thousand messages that wait for a function that never answers delay others.

A stack of its own runs, SPEED times as fast. Messages of four kinds are sent at a steady pace: on the idle stack, while
the thousand arrive, and while all of them wait. At the end each of the thousand must have got its fallback once.
docs/performance.md explains the table.
"""

from __future__ import annotations

import smtplib
import statistics
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli import output, running
from cli.commands.mailbox import all_items
from cli.errors import CommandError
from local.settings import function_arn
from postroom.contracts.order_list import end_key, listed_orders
from postroom.contracts.orders import RuleCall
from postroom.model.facts import EventName, OwnFact
from postroom.model.folders import Folder
from tour.stack import PASSWORD, up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from rich.console import Console

    from cli.running import Stack
    from postroom.bootstrap.operator import Operator
    from postroom.model.facts import Fact
    from postroom.ports.transit_scans import OpenEntry

SPEED: Final = 60
MESSAGES: Final = 1_000
ROUNDS: Final = 30
ROUND_SECONDS: Final = 1.5
"""From one message of a kind to the next: these alone are no load."""
TIMEOUT_MINUTES: Final = 240
"""Of the rule whose function always times out; four minutes here."""
MAX_WAIT_SECONDS: Final = 600.0
BUDGET_MEDIAN: Final = 2.0
"""Times the median of the idle stack, while the thousand wait: attempts and other messages share two cores."""
BUDGET_WORST: Final = 5.0
"""Seconds from sending to delivery of any message while the thousand wait; one that waits for a call takes 15."""
BUDGET_ARRIVING: Final = 25.0
"""The same while the thousand arrive: every worker meets the function once, 15 seconds, and ingest is busy."""

FOR_EVER: Final = 1 << 50
"""Milliseconds since the epoch, far from now."""

SLEEP, HEALTHY = "SleepFunction", "HealthyFunction"
TEMPLATE: Final = """
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {CodeUri: src/, Runtime: python3.12, Timeout: 60}
Resources:
  SleepFunction: {Type: AWS::Serverless::Function, Properties: {Handler: app.sleep}}
  HealthyFunction: {Type: AWS::Serverless::Function, Properties: {Handler: app.healthy}}
""" + "".join(
    f"""
  PermissionOf{name}:
    Type: AWS::Lambda::Permission
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: !Ref {name}
      Principal: !Sub 'workmail.${{AWS::Region}}.amazonaws.com'
"""
    for name in (SLEEP, HEALTHY)
)
CODE: Final = """
import time


def healthy(event, context):
    return {"actions": [{"action": {"type": "DEFAULT"}, "allRecipients": True}]}


def sleep(event, context):
    time.sleep(20)  # rules wait for 15 s
    return healthy(event, context)
"""

SLOW, CALLED, PLAIN = (f"{name}@senders.example" for name in ("slow", "called", "plain"))
"""Senders: of messages that wait, of messages for which a function answers at once, of messages without a rule."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of messages that do not wait."""

    what: str
    sender: str
    recipient: str


KINDS: Final = (
    Kind("another organization, no rule", PLAIN, "ann@quiet.example"),
    Kind("another organization, a rule that calls", CALLED, "ann@quiet.example"),
    Kind("the same organization, no rule", PLAIN, "ben@noisy.example"),
    Kind("the same organization, another rule that calls", CALLED, "ben@noisy.example"),
)
PHASES: Final = ("idle", "arriving", "waiting")


class BenchError(CommandError):
    """The run did not happen as it must be for the measurement."""


@dataclass(frozen=True, slots=True)
class Series:
    """Seconds from sending to delivery."""

    seconds: Sequence[float]

    @property
    def median(self) -> float:
        """The median."""
        return statistics.median(self.seconds)

    @property
    def worst(self) -> float:
        """The longest."""
        return max(self.seconds)


@dataclass
class Measurement:
    """One run; ``sent`` has the time of each message by Message-ID, in milliseconds since the epoch."""

    stack: Stack
    operator: Operator
    mailboxes: dict[str, str] = field(default_factory=dict)
    sent: dict[tuple[str, Kind], dict[str, int]] = field(default_factory=dict)

    def make_organizations(self) -> None:
        """Make two organizations; messages wait in one of them."""
        workmail = self.stack.client("workmail")
        for alias, names, rules in (
            ("noisy", ("ann", "ben"), {SLOW: SLEEP, CALLED: HEALTHY}),
            ("quiet", ("ann",), {CALLED: HEALTHY}),
        ):
            here = {"OrganizationId": workmail.create_organization(Alias=alias)["OrganizationId"]}
            workmail.register_mail_domain(**here, DomainName=f"{alias}.example")
            for name in names:
                user = workmail.create_user(**here, Name=name, DisplayName=name, Password=PASSWORD)["UserId"]
                workmail.register_to_work_mail(**here, EntityId=user, Email=f"{name}@{alias}.example")
                self.mailboxes[f"{name}@{alias}.example"] = user
            for sender, function in rules.items():
                call = {
                    "FunctionArn": function_arn(function),
                    "Synchronous": True,
                    "FallbackAction": "MOVE_TO_JUNK",
                    "RuleTimeoutMinutes": TIMEOUT_MINUTES,
                }
                workmail.create_inbound_mail_flow_rule(
                    **here,
                    Name=f"{sender} calls {function}",
                    SenderPatterns=[sender],
                    RecipientPatterns=["*"],
                    Action={"Type": "RUN_LAMBDA", "Lambda": call},
                )

    def warm_up(self) -> None:
        """Let every function start, and the rules be read, before anything is measured."""
        self._rounds("warming up", lambda done: done == 2)
        time.sleep(5)

    def idle(self) -> None:
        """Measure on the idle stack."""
        self._rounds("idle", lambda done: done == ROUNDS)

    def arriving(self) -> None:
        """Send the thousand; measure until all of them wait."""
        thousand = threading.Thread(target=self._send_thousand, daemon=True)
        thousand.start()
        self._rounds("arriving", lambda _: not thousand.is_alive() and self.calls() == MESSAGES)

    def waiting(self) -> None:
        """Measure while all wait, and check that they still wait at the end.

        Raises:
            BenchError: some had been decided by then.
        """
        self._rounds("waiting", lambda done: done == ROUNDS)
        if (left := self.calls()) != MESSAGES:
            raise BenchError(f"{MESSAGES - left} messages did not wait any more while others were measured")

    def finish(self) -> None:
        """Wait until no order is open.

        Raises:
            BenchError: it takes too long.
        """
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        while self._junk() < MESSAGES or any(self._open()) or self._has_listed():
            if time.monotonic() > deadline:
                raise BenchError(f"after {MAX_WAIT_SECONDS:.0f} s there are {self._junk()} messages in Junk")
            time.sleep(2)

    def calls(self) -> int:
        """Return how many messages wait for the function that times out, or will."""
        orders = [waiting.entry for waiting in self._open()]
        return sum(isinstance(each, RuleCall) and each.function_arn == function_arn(SLEEP) for each in orders)

    def _rounds(self, phase: str, over: Callable[[int], bool]) -> None:
        done, began = 0, time.monotonic()
        with smtplib.SMTP(*self.stack.smtp, timeout=60) as smtp:
            while not over(done):
                if done * ROUND_SECONDS > MAX_WAIT_SECONDS:
                    raise BenchError(f"{phase}: {self.calls()} messages wait after {MAX_WAIT_SECONDS:.0f} s")
                for kind in KINDS:
                    name = f"{phase}-{done}-{KINDS.index(kind)}".replace(" ", "-")
                    self.sent.setdefault((phase, kind), {})[f"<{name}@senders.example>"] = time.time_ns() // 1_000_000
                    smtp.sendmail(kind.sender, [kind.recipient], _message(name, kind.sender))
                done += 1
                time.sleep(max(0.0, began + done * ROUND_SECONDS - time.monotonic()))

    def _send_thousand(self) -> None:
        with smtplib.SMTP(*self.stack.smtp, timeout=60) as smtp:
            for number in range(MESSAGES):
                smtp.sendmail(SLOW, ["ann@noisy.example"], _message(f"slow-{number}", SLOW))

    def _open(self) -> Iterator[OpenEntry]:
        """Yield all open orders that have rows, rules' calls among them."""
        return self.operator.transit_scans.open_before(FOR_EVER)

    def _has_listed(self) -> bool:
        """Say whether an order that its flow only lists is open."""
        facts = list(self.operator.ledger.between(0, FOR_EVER))
        keys = {(fact.trace, fact.key) for fact in facts}
        listed = (order for fact in facts for order in listed_orders(fact))
        return any((order.trace, end_key(order)) not in keys for order in listed)

    def _junk(self) -> int:
        head = self.operator.mailboxes.head(self.mailboxes["ann@noisy.example"])
        return 0 if head is None else head.folders[Folder.JUNK_EMAIL].total


@dataclass
class Found:
    """The ledger at the end; ``ended`` has the facts of each of the thousand, by Message-ID."""

    series: Mapping[tuple[str, Kind], Series]
    ended: Mapping[str, Sequence[Fact]]

    @classmethod
    def of(cls, measured: Measurement) -> Found:
        """Read all facts.

        Raises:
            BenchError: a measured message was not delivered exactly once.
        """
        facts: dict[str, list[Fact]] = {}
        for fact in measured.operator.ledger.between(0, FOR_EVER):
            facts.setdefault(fact.trace, []).append(fact)
        messages = {_message_id(those): those for those in facts.values()}
        series = {}
        for place, sent in measured.sent.items():
            delivered = {name: _delivered(messages.get(name, ())) for name in sent}
            if lost := [name for name, at in delivered.items() if len(at) != 1]:
                raise BenchError(f"{len(lost)} messages were not delivered once, {lost[0]} among them")
            series[place] = Series([(delivered[name][0].at - at) / 1000 for name, at in sent.items()])
        return cls(series, {name: those for name, those in messages.items() if name.startswith("<slow-")})

    def attempts(self) -> Counter[str]:
        """Count attempts of the thousand by their result."""
        those = (fact for facts in self.ended.values() for fact in facts if fact.name is OwnFact.RULE_ATTEMPTED)
        return Counter(fact.data["failure"] for fact in those)

    def wrong(self, junk: int) -> Iterable[str]:
        """Say which messages did not end with one decision, the fallback, and one copy in Junk.

        Args:
            junk: messages in Junk.
        """
        decisions = [[fact for fact in facts if fact.name is EventName.RULE_APPLIED] for facts in self.ended.values()]
        fallback = [those for those in decisions if len(those) == 1 and set(those[0].data["why"]) == {"FALLBACK"}]
        copies = [_delivered(facts) for facts in self.ended.values()]
        junked = [those for those in copies if len(those) == 1 and those[0].event["folder"] == Folder.JUNK_EMAIL]
        counts = {"accepted": len(self.ended), "one fallback": len(fallback), "delivered": len(junked), "in Junk": junk}
        return [f"{what}: {count} of {MESSAGES}" for what, count in counts.items() if count != MESSAGES]

    def broken(self) -> Iterable[str]:
        """Say which budgets are broken."""
        for kind in KINDS:
            idle, waiting = self.series["idle", kind], self.series["waiting", kind]
            if waiting.median > BUDGET_MEDIAN * idle.median:
                yield f"{kind.what}: the median is more than {BUDGET_MEDIAN:g} times that of the idle stack"
            if waiting.worst > BUDGET_WORST:
                yield f"{kind.what}: one took longer than {BUDGET_WORST:g} s"
            if self.series["arriving", kind].worst > BUDGET_ARRIVING:
                yield f"{kind.what}: one took longer than {BUDGET_ARRIVING:g} s while the thousand arrived"

    def show(self, out: Console) -> None:
        """Print what was measured."""
        rows = []
        for kind in KINDS:
            those = [self.series[phase, kind] for phase in PHASES]
            cells = [f"{figure:.2f}" for each in those for figure in (each.median, each.worst)]
            rows.append((kind.what, *cells, f"{those[-1].median / those[0].median:.2f}"))
        columns = [f"{phase}: {figure}" for phase in PHASES for figure in ("median", "worst")]
        title = (
            f"Seconds from sending to delivery, while {MESSAGES:,} messages wait for a function that always times out"
        )
        out.print(output.table(["mail to", *columns, "ratio"], rows, title=title, right=(*columns, "ratio")))
        attempts = self.attempts()
        held, total = attempts.pop("HELD_BACK", 0), attempts.total()
        out.print(
            f"\nIn {TIMEOUT_MINUTES} minutes ({SPEED} times as fast) the function was called {total} times "
            f"({', '.join(f'{count} {name}' for name, count in attempts.items())}); {held:,} attempts were held back: "
            f"{(held + total) / MESSAGES:.1f} attempts for each message.",
            markup=False,
        )


def project(folder: Path) -> Path:
    """Write a customer's project with a function that always times out, and one that works."""
    (folder / "src").mkdir(parents=True)
    (folder / "template.yaml").write_text(TEMPLATE, "utf-8")
    (folder / "src" / "app.py").write_text(CODE, "utf-8")
    return folder


def main() -> int:
    """Measure, print the table, and return the exit status."""
    out, progress = output.console(), output.console(errors=True)
    try:
        with tempfile.TemporaryDirectory(prefix="postroom-bench-") as folder, running.refusals():
            made = project(Path(folder) / "customer")
            with up(progress, "--speed", str(SPEED), "--functions", str(made)) as stack:
                found, junk = _measure(stack, progress)
    except CommandError as error:
        progress.print(f"bench: {error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        return 130
    found.show(out)
    broken = [*found.wrong(junk), *found.broken()]
    if broken:
        progress.print(f"broken: {'; '.join(broken)}", markup=False)
    return 1 if broken else 0


def _measure(stack: Stack, progress: Console) -> tuple[Found, int]:
    measured = Measurement(stack, stack.operator())
    steps: Sequence[tuple[str, Callable[[], Any]]] = (
        ("two organizations", measured.make_organizations),
        ("every function has started", measured.warm_up),
        ("measured on the idle stack", measured.idle),
        (f"{MESSAGES:,} messages have arrived and wait", measured.arriving),
        ("measured while all of them wait", measured.waiting),
        ("no order is open", measured.finish),
    )
    for what, step in steps:
        began = time.monotonic()
        step()
        progress.print(f"{what}: {time.monotonic() - began:.0f} s", markup=False)
    junk = sum(1 for _ in all_items(measured.operator.mailboxes, measured.mailboxes["ann@noisy.example"], "JUNK_EMAIL"))
    return Found.of(measured), junk


def _message(name: str, sender: str) -> bytes:
    fields = [f"From: <{sender}>", f"Subject: {name}", f"Message-ID: <{name}@senders.example>"]
    return "\r\n".join([*fields, "", "Hello.", ""]).encode()


def _message_id(facts: Iterable[Fact]) -> str:
    received = (fact for fact in facts if fact.name is EventName.ORGANIZATION_EMAIL_RECEIVED)
    return next((str(fact.event["messageId"]) for fact in received), "")


def _delivered(facts: Iterable[Fact]) -> list[Fact]:
    return [fact for fact in facts if fact.name is EventName.MAILBOX_EMAIL_DELIVERED]
