"""The tour: a stack, an organization, a hundred letters, and a look at what became of each.

Every step checks what it shows. `./scripts/demo` exits 0 only if all of them held.
"""

from __future__ import annotations

import json
import os
import signal
import smtplib
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.progress import Progress, TaskID

from local import demo_mail, output, running
from local.commands.events import EventLog
from local.commands.mailbox import all_items
from local.commands.send import transmit, verdicts_header
from local.commands.trace import timeline
from local.demo_mail import ALIASES, DOMAIN, GROUPS, LETTERS, RULES, STRANGER, USERS, Kind, Letter
from local.errors import LocalError
from local.settings import repository_root
from postroom.mime.ses_fields import own_bytes
from postroom.model.facts import EventName, Fact, OwnFact, trace_of
from postroom.model.mailbox import Folder
from postroom.model.rules import ActionType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rich.console import Console

    from local.running import Stack
    from postroom.bootstrap.operator import Operator

PASSWORD: Final = "Correct-Horse-9"  # noqa: S105 - of users that live as long as the demo
READY_SECONDS: Final = 60.0
PATIENCE_SECONDS: Final = 90.0
"""How long the last letter may take, from the moment that all were sent."""

FINAL: Final[frozenset[str]] = frozenset(
    {EventName.MAILBOX_EMAIL_DELIVERED, EventName.INCOMING_EMAIL_BOUNCED, OwnFact.MESSAGE_BLOCKED}
)
"""Facts that end one copy each, or the message; those of rules and policies say how many they end."""


class DemoError(LocalError):
    """A step of the tour did not hold."""


def hold(what: str, found: object, wanted: object) -> None:
    """Go on only if something is as it must be."""
    if found != wanted:
        raise DemoError(f"{what}: found {found!r}, wanted {wanted!r}")


@dataclass
class Sent:
    """A letter on its way, and what the ledger says of it so far."""

    letter: Letter
    ses_message_id: str
    trace: str
    facts: Sequence[Fact] = ()

    @property
    def final(self) -> bool:
        """Every recipient has its final fact."""
        ends = sum(fact.name in FINAL for fact in self.facts) + len(dropped(self.facts))
        return ends >= self.letter.kind.ends


@dataclass
class Tour:
    """One walk through the house; the steps are called in order."""

    console: Console
    stack: Stack
    operator: Operator
    organization: str = ""
    users: dict[str, str] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)

    def make_organization(self) -> str:
        """Make an organization with a stock boto3 client."""
        workmail = self.stack.client("workmail")
        self.organization = workmail.create_organization(Alias="demo")["OrganizationId"]
        here = {"OrganizationId": self.organization}
        hold("the organization's state", workmail.describe_organization(**here)["State"], "Active")
        workmail.register_mail_domain(**here, DomainName=DOMAIN)
        workmail.update_default_mail_domain(**here, DomainName=DOMAIN)
        for name in USERS:
            user = workmail.create_user(**here, Name=name, DisplayName=name.title(), Password=PASSWORD)["UserId"]
            workmail.register_to_work_mail(**here, EntityId=user, Email=f"{name}@{DOMAIN}")
            self.users[name] = user
        groups = {name: workmail.create_group(**here, Name=name)["GroupId"] for name in GROUPS}
        for name, group in groups.items():
            workmail.register_to_work_mail(**here, EntityId=group, Email=f"{name}@{DOMAIN}")
            for member in GROUPS[name]:
                member_id = self.users.get(member) or groups[member]
                workmail.associate_member_to_group(**here, GroupId=group, MemberId=member_id)
        for alias, owner in ALIASES.items():
            workmail.create_alias(**here, EntityId=self.users[owner], Alias=f"{alias}@{DOMAIN}")
        return f"{self.organization}: {DOMAIN}, {len(USERS)} users, {len(GROUPS)} groups, {len(ALIASES)} aliases"

    def make_rules(self) -> str:
        """Make mail-flow rules with the same client: the stack's AWS_DATA_PATH teaches it our operations."""
        workmail, here = self.stack.client("workmail"), {"OrganizationId": self.organization}
        for rule in RULES:
            workmail.create_inbound_mail_flow_rule(**here, **{"SenderPatterns": ["*"], **rule})
        listed = workmail.list_inbound_mail_flow_rules(**here)["Rules"]
        hold("the rules", sorted(rule["Name"] for rule in listed), sorted(rule["Name"] for rule in RULES))
        return ", ".join(f"{rule['Action']['Type']} {_about(rule)}" for rule in RULES)

    def send(self, letters: list[Letter], progress: Callable[[], None]) -> str:
        """Send every letter over SMTP, byte for byte; a stranger is refused at the door."""
        with smtplib.SMTP(*self.stack.smtp, timeout=60) as smtp:
            for letter in letters:
                verdicts = verdicts_header(dict(letter.kind.verdicts), letter.kind.policy)
                receipt = transmit(smtp, "chris@example.net", letter.kind.recipients, letter.content, verdicts)
                hold(f"{letter.name}: refused recipients", receipt.refused, {})
                ses_message_id = receipt.said.split()[-1]
                self.sent.append(Sent(letter, ses_message_id, trace_of(ses_message_id, self.organization)))
                progress()
            refused = transmit(smtp, "chris@example.net", [STRANGER], b"\r\n").refused
        hold("recipients refused with 550", [answer[:3] for answer in refused.values()], ["550"])
        size = output.human_size(sum(len(letter.content) for letter in letters))
        return f"{len(letters)} letters, {size}; {STRANGER} was refused with 550"

    def wait(self, progress: Callable[[], None]) -> str:
        """Watch the ledger until every recipient of every letter has its final fact."""
        began = time.monotonic()
        waiting = list(self.sent)
        while waiting:
            for each in waiting:
                each.facts = self.operator.ledger.facts(each.trace)
                if each.final:
                    progress()
            waiting = [each for each in waiting if not each.final]
            if time.monotonic() - began > PATIENCE_SECONDS:
                names = ", ".join(each.letter.name for each in waiting[:5])
                raise DemoError(f"{len(waiting)} letters have no final fact yet, {names} among them")
            time.sleep(0.1 if waiting else 0)
        copies = sum(len(each.letter.kind.copies) for each in self.sent)
        return f"{len(self.sent)} letters, {copies} copies; the last {time.monotonic() - began:.1f} s after it was sent"

    def judge(self) -> str:
        """Compare what became of each letter with what must become of its kind, and show the table."""
        rows: dict[str, Counter[str]] = {kind.name: Counter() for kind in demo_mail.KINDS}
        for each in self.sent:
            kind = each.letter.kind
            delivered, bounced = _became(each.facts)
            wanted = {(self.users[user], kind.folder.value): 1 for user in kind.copies}
            hold(f"{each.letter.name}: copies", delivered, wanted)
            hold(f"{each.letter.name}: bounces", bounced, {f"{name}@{DOMAIN}": 1 for name in kind.bounced})
            nobodys = dropped(each.facts)
            hold(f"{each.letter.name}: drops", nobodys, {f"{name}@{DOMAIN}" for name in kind.dropped})
            hold(f"{each.letter.name}: rules and policies", _because(each.facts), set(kind.because))
            blocked = sum(fact.name is OwnFact.MESSAGE_BLOCKED for fact in each.facts)
            hold(f"{each.letter.name}: blocked", blocked, int(kind.blocked))
            tagged = any(fact.name is OwnFact.CONTENT_PUT for fact in each.facts)
            hold(f"{each.letter.name}: changed by a function", tagged, kind.tagged)
            junked = sum(count for (_, folder), count in delivered.items() if folder == Folder.JUNK_EMAIL)
            rows[kind.name].update(
                letters=1,
                copies=sum(delivered.values()),
                junked=junked,
                bounced=sum(bounced.values()),
                dropped=len(nobodys),
                blocked=blocked,
                changed=tagged,
            )
        columns = ("letters", "copies", "junked", "bounced", "dropped", "blocked", "changed")
        cells = [
            (name, f"{counts['letters']}", *(counts[column] or "" for column in columns[1:]), _where(name))
            for name, counts in rows.items()
        ]
        self.console.print(output.table(("", *columns, "where, and why"), cells, right=columns))
        total = sum(rows.values(), Counter())
        return ", ".join(f"{total[column]} {column}" for column in columns)

    def show_trace(self, *, tagged: bool) -> str:
        """Show the way of one letter that a rule sent several ways, or of one that a function changed."""
        those = [each for each in self.sent if each.letter.kind.tagged == tagged]
        chosen = max(those, key=lambda each: (bool(each.letter.kind.because), len(each.facts), each.trace))
        shown = timeline(chosen.facts)
        self.console.print(shown, soft_wrap=True)
        hold("the first fact", chosen.facts[0].name, EventName.ORGANIZATION_EMAIL_RECEIVED)
        hold("the timeline tells of the function", demo_mail.FUNCTION in shown.plain, tagged)
        return f"{len(chosen.facts)} facts; postroom trace shows any message like this"

    def compare_bytes(self, progress: Callable[[], None]) -> str:
        """Open every copy in every mailbox, and compare it with what SES stored, or a function made of that."""
        s3, bucket = self.stack.client("s3"), self.stack.settings()["INBOUND_BUCKET"]
        by_blob = {fact.data.get("blob"): each for each in self.sent for fact in each.facts if "blob" in fact.data}
        compared: Counter[bool] = Counter()
        for name, user in self.users.items():
            head = self.operator.mailboxes.head(user)
            if head is None:
                raise DemoError(f"{name} has no mailbox")
            for folder in self.operator.mailboxes.folders(user):
                for item in all_items(self.operator.mailboxes, user, folder.id):
                    each = by_blob.pop(item.blob, None)
                    if each is None:
                        raise DemoError(f"{name} has a copy that nobody sent: {item.id}")
                    stored = s3.get_object(Bucket=bucket, Key=f"inbound/{each.ses_message_id}")["Body"].read()
                    copy = b"".join(self.operator.content(head, item))
                    wanted = each.letter.delivered(stored)
                    hold(f"{each.letter.name}: {name}'s copy is what it must be", copy == wanted, True)
                    ended = each.letter.content.endswith(b"\r\n")
                    whole = each.letter.content if ended else each.letter.content + b"\r\n"
                    hold(f"{each.letter.name}: SES stored what was sent, its own fields in front", _sent(stored), whole)
                    compared[each.letter.kind.tagged] += 1
                    progress()
        hold("copies that lie in no mailbox", sorted(map(str, by_blob)), [])
        return (
            f"{compared[False]} copies equal what SES stored, byte for byte; "
            f"{compared[True]} have {demo_mail.TAG} in their subject and no other byte changed"
        )

    def read_event_log(self) -> str:
        """Wait for the event log to have a record for each fact that it shows, and no other."""
        wanted = Counter(
            (fact.trace, fact.name.value)
            for each in self.sent
            for fact in each.facts
            if isinstance(fact.name, EventName)
        )
        log, found = EventLog.of(self.stack), Counter[tuple[str, str]]()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while found.keys() != wanted.keys() or any(found[each] < count for each, count in wanted.items()):
            if time.monotonic() > deadline:
                raise DemoError(f"the event log has {found.total()} of {wanted.total()} records")
            found.update((row["traceId"], row["event"]["eventName"]) for row in log.new())
            time.sleep(0.1)
        return f"{wanted.total()} records in CloudWatch Logs"


def _became(facts: Sequence[Fact]) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    """Count copies by mailbox and folder, and bounces by recipient."""
    delivered = Counter(
        (fact.data["mailboxId"], fact.event["folder"])
        for fact in facts
        if fact.name is EventName.MAILBOX_EMAIL_DELIVERED
    )
    bounced = Counter(
        fact.event["bouncedRecipient"]["emailAddress"]
        for fact in facts
        if fact.name is EventName.INCOMING_EMAIL_BOUNCED
    )
    return dict(delivered), dict(bounced)


def dropped(facts: Sequence[Fact]) -> set[str]:
    """Return whom a rule or a policy dropped; a rule's function can drop some, and let others have the message."""
    did = [did for fact in facts if fact.name is EventName.RULE_APPLIED for did in fact.event["ruleActions"]]
    by_rule = {whom for each in did if each["action"] == ActionType.DROP for whom in each["recipients"]}
    policies = [fact for fact in facts if fact.name is EventName.DMARC_POLICY_APPLIED and fact.data["final"]]
    return by_rule.union(*(fact.event["recipients"] for fact in policies))


def _because(facts: Sequence[Fact]) -> set[str]:
    """Return the rules that fired, and the policy that was applied."""
    rules = {fact.event["ruleName"] for fact in facts if fact.name is EventName.RULE_APPLIED}
    policies = {f"DMARC {fact.event['policy']}" for fact in facts if fact.name is EventName.DMARC_POLICY_APPLIED}
    return rules | policies


def _about(rule: Mapping[str, Any]) -> str:
    senders, recipients = rule.get("SenderPatterns"), rule["RecipientPatterns"]
    return f"for mail from {senders[0]}" if senders else f"for {recipients[0]}"


def _where(name: str) -> str:
    kind: Kind = next(kind for kind in demo_mail.KINDS if kind.name == name)
    parts = [f"{', '.join(kind.copies)} → {kind.folder.value}"] if kind.copies else []
    parts += [f"{', '.join(kind.bounced)} bounced"] if kind.bounced else []
    parts += [f"{', '.join(kind.dropped)} dropped"] if kind.dropped else []
    why = f" ({', '.join(kind.because)})" if kind.because else ""
    return ("; ".join(parts) or "nowhere") + why


def _sent(stored: bytes) -> bytes:
    """Return what was sent of a message that SES stored: without the fields that SES put in front."""
    return stored[own_bytes(stored) :] if own_bytes(stored) else b"no fields of SES in front"


@contextmanager
def started(console: Console) -> Iterator[Stack]:
    """Run `postroom up` with a customer's functions on free ports; stop it at the end, and see that it stopped well."""
    with tempfile.TemporaryDirectory(prefix="postroom-demo-") as folder:
        settings = Path(folder) / "env.json"
        settings.write_text(json.dumps(demo_mail.SETTINGS), "utf-8")
        functions = repository_root() / demo_mail.FUNCTIONS
        with up(console, "--functions", str(functions), "--env-vars", str(settings)) as stack:
            yield stack


@contextmanager
def up(console: Console, *options: str) -> Iterator[Stack]:
    """Run `postroom up` on free ports with more options; stop it at the end, and see that it stopped well."""
    command = [sys.executable, "-m", "local.cli", "up", "--port", "0", "--smtp-port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise DemoError("postroom up has no output")
        try:
            began = time.monotonic()
            watchdog = threading.Timer(READY_SECONDS, process.kill)
            watchdog.start()
            line = process.stdout.readline()
            watchdog.cancel()
            if not line:
                raise DemoError(f"postroom up ended with exit status {process.wait()}")
            ready: dict[str, Any] = json.loads(line)
            os.environ.update(ready["env"])
            _said(console, "a stack", f"{ready['env']['AWS_ENDPOINT_URL']}, ready in {time.monotonic() - began:.1f} s")
            yield running.find()
        finally:
            process.send_signal(signal.SIGTERM)
            status = process.wait(timeout=READY_SECONDS)
    hold("exit status of postroom up", status, 0)
    _said(console, "stopped", "")


def _said(console: Console, what: str, said: str) -> None:
    console.print(f"[green]✔[/] [bold]{what}[/]  ", end="")
    console.print(said, markup=False)


def _step(console: Console, what: str, run: Callable[[], str]) -> None:
    _said(console, what, run())


def _watched(console: Console, what: str, total: int, run: Callable[[Callable[[], None]], str]) -> None:
    """Run a step with a live bar where a person watches, else with a line now and then."""
    if console.is_terminal:
        with Progress(console=console, transient=True) as bars:
            bar: TaskID = bars.add_task(what, total=total)
            said = run(lambda: bars.advance(bar))
    else:
        done = 0

        def advance() -> None:
            nonlocal done
            done += 1
            if done % max(1, total // 4) == 0:
                console.print(f"  {what}: {done} of {total}", markup=False)

        said = run(advance)
    _said(console, what, said)


def main() -> int:
    """Walk the tour; return the exit status."""
    console = output.console()
    began = time.monotonic()
    try:
        with running.refusals(), started(console) as stack:
            tour = Tour(console, stack, stack.operator())
            letters = demo_mail.letters(repository_root().parent / "shared" / "data" / "mail")
            hold("letters are enough", len(letters) >= LETTERS, True)
            copies = sum(len(letter.kind.copies) for letter in letters)
            _step(console, "an organization, made with boto3", tour.make_organization)
            _step(console, "inbound rules, made with boto3", tour.make_rules)
            _watched(console, "sent over SMTP", len(letters), lambda advance: tour.send(letters, advance))
            _watched(console, "every recipient is final", len(letters), tour.wait)
            _step(console, "what became of them", tour.judge)
            _step(console, "one trace", lambda: tour.show_trace(tagged=False))
            _step(console, "one with a function in it", lambda: tour.show_trace(tagged=True))
            _watched(console, "bytes are sacred", copies, tour.compare_bytes)
            _step(console, "the event log", tour.read_event_log)
    except LocalError as error:
        output.console(errors=True).print(f"demo: {error}", style="red", markup=False)
        output.console(errors=True).print("demo: what the functions said is in .postroom/logs", markup=False)
        return 1
    except KeyboardInterrupt:
        return 130
    _said(console, "all of it held", f"{time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
