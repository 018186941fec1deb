"""`scripts/bench waiting`: what other mail feels of a thousand messages that wait on a function which always times out.

A stack of its own runs, SPEED times as fast. Letters of four kinds are sent at a steady pace: while nothing else is
there, while the thousand arrive, and while all of them wait. In the end each of the thousand must have got its
fallback, once. docs/performance.md explains the table.
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
from postroom.contracts.orders import RuleCall
from postroom.model.facts import EventName, OwnFact
from postroom.model.mailbox import Folder
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
"""From one letter of a kind to the next: these alone are no load."""
TIMEOUT_MINUTES: Final = 240
"""Of the rule whose function always times out; four minutes here."""
PATIENCE_SECONDS: Final = 600.0
BUDGET_MEDIAN: Final = 2.0
"""Times the median of the idle stack, while the thousand wait: their attempts and the others' mail share two cores."""
BUDGET_WORST: Final = 5.0
"""Seconds from sending to delivery of any letter, while the thousand wait: who waits for a call would take 15."""
BUDGET_MEETING: Final = 25.0
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

SLOW, ASKED, PLAIN = (f"{name}@senders.example" for name in ("slow", "asked", "plain"))
"""Senders: of mail that waits, of mail that a function lets by at once, of mail that no rule is about."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Letters that do not wait."""

    what: str
    sender: str
    recipient: str


KINDS: Final = (
    Kind("another organization, no rule", PLAIN, "ann@quiet.example"),
    Kind("another organization, a rule that asks", ASKED, "ann@quiet.example"),
    Kind("the same organization, no rule", PLAIN, "ben@noisy.example"),
    Kind("the same organization, another rule that asks", ASKED, "ben@noisy.example"),
)
PHASES: Final = ("idle", "arriving", "waiting")


class BenchError(CommandError):
    """What was to be measured did not happen."""


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
    """One run; ``sent`` has when each letter was sent, in milliseconds since the epoch, by its Message-ID."""

    stack: Stack
    operator: Operator
    mailboxes: dict[str, str] = field(default_factory=dict)
    sent: dict[tuple[str, Kind], dict[str, int]] = field(default_factory=dict)

    def people(self) -> None:
        """Make two organizations; in one of them mail waits."""
        workmail = self.stack.client("workmail")
        for alias, names, rules in (
            ("noisy", ("ann", "ben"), {SLOW: SLEEP, ASKED: HEALTHY}),
            ("quiet", ("ann",), {ASKED: HEALTHY}),
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
                    Name=f"{sender} asks {function}",
                    SenderPatterns=[sender],
                    RecipientPatterns=["*"],
                    Action={"Type": "RUN_LAMBDA", "Lambda": call},
                )

    def warm_up(self) -> None:
        """Let every function start, and the rules be read, before anything is measured."""
        self._rounds("warming up", lambda done: done == 2)
        time.sleep(5)

    def idle(self) -> None:
        """Measure while nothing else is there."""
        self._rounds("idle", lambda done: done == ROUNDS)

    def arriving(self) -> None:
        """Send the thousand, and measure until all of them wait."""
        crowd = threading.Thread(target=self._crowd, daemon=True)
        crowd.start()
        self._rounds("arriving", lambda _: not crowd.is_alive() and self.calls() == MESSAGES)

    def waiting(self) -> None:
        """Measure while all wait, and see that they still do in the end.

        Raises:
            BenchError: some had been decided by then.
        """
        self._rounds("waiting", lambda done: done == ROUNDS)
        if (left := self.calls()) != MESSAGES:
            raise BenchError(f"{MESSAGES - left} messages did not wait any more while others were measured")

    def finish(self) -> None:
        """Wait until nothing is on its way any more.

        Raises:
            BenchError: it takes too long.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._junk() < MESSAGES or any(self._open()):
            if time.monotonic() > deadline:
                raise BenchError(f"after {PATIENCE_SECONDS:.0f} s there are {self._junk()} messages in Junk")
            time.sleep(2)

    def calls(self) -> int:
        """Return how many messages wait on the function that times out, or are about to."""
        orders = [waiting.entry for waiting in self._open()]
        return sum(isinstance(each, RuleCall) and each.function_arn == function_arn(SLEEP) for each in orders)

    def _rounds(self, phase: str, over: Callable[[int], bool]) -> None:
        done, began = 0, time.monotonic()
        with smtplib.SMTP(*self.stack.smtp, timeout=60) as smtp:
            while not over(done):
                if done * ROUND_SECONDS > PATIENCE_SECONDS:
                    raise BenchError(f"{phase}: {self.calls()} messages wait after {PATIENCE_SECONDS:.0f} s")
                for kind in KINDS:
                    name = f"{phase}-{done}-{KINDS.index(kind)}".replace(" ", "-")
                    self.sent.setdefault((phase, kind), {})[f"<{name}@senders.example>"] = time.time_ns() // 1_000_000
                    smtp.sendmail(kind.sender, [kind.recipient], _letter(name, kind.sender))
                done += 1
                time.sleep(max(0.0, began + done * ROUND_SECONDS - time.monotonic()))

    def _crowd(self) -> None:
        with smtplib.SMTP(*self.stack.smtp, timeout=60) as smtp:
            for number in range(MESSAGES):
                smtp.sendmail(SLOW, ["ann@noisy.example"], _letter(f"slow-{number}", SLOW))

    def _open(self) -> Iterator[OpenEntry]:
        """Yield all that is on its way."""
        return self.operator.transit_scans.open_before(FOR_EVER)

    def _junk(self) -> int:
        head = self.operator.mailboxes.head(self.mailboxes["ann@noisy.example"])
        return 0 if head is None else head.folders[Folder.JUNK_EMAIL].total


@dataclass
class Found:
    """What the ledger says in the end; ``ended`` has the facts of each of the thousand, by Message-ID."""

    series: Mapping[tuple[str, Kind], Series]
    ended: Mapping[str, Sequence[Fact]]

    @classmethod
    def of(cls, measured: Measurement) -> Found:
        """Read all facts.

        Raises:
            BenchError: a letter that was measured was not delivered, once.
        """
        facts: dict[str, list[Fact]] = {}
        for fact in measured.operator.ledger.between(0, FOR_EVER):
            facts.setdefault(fact.trace, []).append(fact)
        letters = {_message_id(those): those for those in facts.values()}
        series = {}
        for place, sent in measured.sent.items():
            delivered = {name: _delivered(letters.get(name, ())) for name in sent}
            if lost := [name for name, at in delivered.items() if len(at) != 1]:
                raise BenchError(f"{len(lost)} letters were not delivered once, {lost[0]} among them")
            series[place] = Series([(delivered[name][0].at - at) / 1000 for name, at in sent.items()])
        return cls(series, {name: those for name, those in letters.items() if name.startswith("<slow-")})

    def attempts(self) -> Counter[str]:
        """Count attempts of the thousand, by what came of them."""
        those = (fact for facts in self.ended.values() for fact in facts if fact.name is OwnFact.RULE_ATTEMPTED)
        return Counter(fact.data["failure"] for fact in those)

    def wrong(self, junk: int) -> Iterable[str]:
        """Say what did not end as it must: one verdict, the fallback, one copy in Junk.

        Args:
            junk: messages that lie there.
        """
        verdicts = [[fact for fact in facts if fact.name is EventName.RULE_APPLIED] for facts in self.ended.values()]
        fallback = [those for those in verdicts if len(those) == 1 and set(those[0].data["why"]) == {"FALLBACK"}]
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
            if self.series["arriving", kind].worst > BUDGET_MEETING:
                yield f"{kind.what}: one took longer than {BUDGET_MEETING:g} s while the thousand arrived"

    def show(self, out: Console) -> None:
        """Print what was measured."""
        rows = []
        for kind in KINDS:
            those = [self.series[phase, kind] for phase in PHASES]
            cells = [f"{figure:.2f}" for each in those for figure in (each.median, each.worst)]
            rows.append((kind.what, *cells, f"{those[-1].median / those[0].median:.2f}"))
        columns = [f"{phase}: {figure}" for phase in PHASES for figure in ("median", "worst")]
        title = (
            f"Seconds from sending to delivery, while {MESSAGES:,} messages wait on a function that always times out"
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
        ("two organizations", measured.people),
        ("every function has started", measured.warm_up),
        ("measured on the idle stack", measured.idle),
        (f"{MESSAGES:,} messages have come and wait", measured.arriving),
        ("measured while all of them wait", measured.waiting),
        ("nothing is on its way any more", measured.finish),
    )
    for what, step in steps:
        began = time.monotonic()
        step()
        progress.print(f"{what}: {time.monotonic() - began:.0f} s", markup=False)
    junk = sum(1 for _ in all_items(measured.operator.mailboxes, measured.mailboxes["ann@noisy.example"], "JUNK_EMAIL"))
    return Found.of(measured), junk


def _letter(name: str, sender: str) -> bytes:
    fields = [f"From: <{sender}>", f"Subject: {name}", f"Message-ID: <{name}@senders.example>"]
    return "\r\n".join([*fields, "", "Hello.", ""]).encode()


def _message_id(facts: Iterable[Fact]) -> str:
    received = (fact for fact in facts if fact.name is EventName.ORGANIZATION_EMAIL_RECEIVED)
    return next((str(fact.event["messageId"]) for fact in received), "")


def _delivered(facts: Iterable[Fact]) -> list[Fact]:
    return [fact for fact in facts if fact.name is EventName.MAILBOX_EMAIL_DELIVERED]
