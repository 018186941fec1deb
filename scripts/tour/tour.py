"""The steps of the tour: an organization, rules, some hundred messages, and a check of the result of each.

Every step checks what it shows. `./scripts/demo` exits 0 only if all of them held.
"""

from __future__ import annotations

import smtplib
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cli import output
from cli.commands.events import EventLog
from cli.commands.mailbox import all_items
from cli.commands.send import transmit, verdicts_header
from cli.commands.trace import timeline
from postroom.mime.ses_fields import own_bytes
from postroom.model.facts import EventName, Fact, OwnFact, trace_of
from postroom.model.folders import Folder
from postroom.model.rules import ActionType
from tour import free_busy, mail
from tour.mail import ALIASES, DOMAIN, GROUPS, RULES, STRANGER, USERS, Kind, Message
from tour.stack import PASSWORD, DemoError, expect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.console import Console

    from cli.running import Stack
    from postroom.bootstrap.operator import Operator

MAX_WAIT_SECONDS: Final = 90.0
"""How long the last message may take after all were sent."""

FINAL: Final[frozenset[str]] = frozenset(
    {EventName.MAILBOX_EMAIL_DELIVERED, EventName.INCOMING_EMAIL_BOUNCED, OwnFact.MESSAGE_BLOCKED}
)
"""Facts that end one copy each, or the message; those of rules and policies say how many they end."""


@dataclass
class Sent:
    """A message that was sent, and its facts so far."""

    message: Message
    ses_message_id: str
    trace: str
    facts: Sequence[Fact] = ()

    @property
    def final(self) -> bool:
        """Every recipient has its final fact."""
        ends = sum(fact.name in FINAL for fact in self.facts) + len(dropped(self.facts))
        return ends >= self.message.kind.ends


@dataclass
class Tour:
    """One tour; the steps are called in order."""

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
        expect("the organization's state", workmail.describe_organization(**here)["State"], "Active")
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
        expect("the rules", sorted(rule["Name"] for rule in listed), sorted(rule["Name"] for rule in RULES))
        return ", ".join(f"{rule['Action']['Type']} {_about(rule)}" for rule in RULES)

    def import_calendar(self) -> str:
        """Give the first user a calendar."""
        return free_busy.import_calendar(self.operator, self.users[USERS[0]])

    def ask_free_busy(self) -> str:
        """Let exchangelib ask about two users and an address without a mailbox, as the second user."""
        mailboxes = [f"{name}@{DOMAIN}" for name in (USERS[0], USERS[1], mail.UNKNOWN)]
        return free_busy.ask(self.console, mailboxes[1], mailboxes)

    def send(self, messages: list[Message], progress: Callable[[], None]) -> str:
        """Send every message over SMTP, byte for byte; an address of another domain is refused."""
        with smtplib.SMTP(*self.stack.smtp, timeout=60) as smtp:
            for message in messages:
                verdicts = verdicts_header(dict(message.kind.verdicts), message.kind.policy)
                receipt = transmit(smtp, "chris@example.net", message.kind.recipients, message.content, verdicts)
                expect(f"{message.name}: refused recipients", receipt.refused, {})
                ses_message_id = receipt.said.split()[-1]
                self.sent.append(Sent(message, ses_message_id, trace_of(ses_message_id, self.organization)))
                progress()
            refused = transmit(smtp, "chris@example.net", [STRANGER], b"\r\n").refused
        expect("recipients refused with 550", [answer[:3] for answer in refused.values()], ["550"])
        size = output.human_size(sum(len(message.content) for message in messages))
        return f"{len(messages)} messages, {size}; {STRANGER} was refused with 550, as its domain is not registered"

    def wait(self, progress: Callable[[], None]) -> str:
        """Watch the ledger until every recipient of every message has its final fact."""
        began = time.monotonic()
        waiting = list(self.sent)
        while waiting:
            for each in waiting:
                each.facts = self.operator.ledger.facts(each.trace)
                if each.final:
                    progress()
            waiting = [each for each in waiting if not each.final]
            if time.monotonic() - began > MAX_WAIT_SECONDS:
                names = ", ".join(each.message.name for each in waiting[:5])
                raise DemoError(f"{len(waiting)} messages have no final fact yet, {names} among them")
            time.sleep(0.1 if waiting else 0)
        copies = sum(len(each.message.kind.copies) for each in self.sent)
        seconds = time.monotonic() - began
        return f"{len(self.sent)} messages, {copies} copies; the last {seconds:.1f} s after all were sent"

    def judge(self) -> str:
        """Compare the result of each message with the result of its kind, and show the table."""
        rows: dict[str, Counter[str]] = {kind.name: Counter() for kind in mail.KINDS}
        for each in self.sent:
            kind = each.message.kind
            delivered, bounced = _became(each.facts)
            wanted = {(self.users[user], kind.folder.value): 1 for user in kind.copies}
            expect(f"{each.message.name}: copies", delivered, wanted)
            expect(f"{each.message.name}: bounces", bounced, {f"{name}@{DOMAIN}": 1 for name in kind.bounced})
            drops = dropped(each.facts)
            expect(f"{each.message.name}: drops", drops, {f"{name}@{DOMAIN}" for name in kind.dropped})
            expect(f"{each.message.name}: rules and policies", _because(each.facts), set(kind.because))
            blocked = sum(fact.name is OwnFact.MESSAGE_BLOCKED for fact in each.facts)
            expect(f"{each.message.name}: blocked", blocked, int(kind.blocked))
            tagged = any(fact.name is OwnFact.CONTENT_PUT for fact in each.facts)
            expect(f"{each.message.name}: changed by a function", tagged, kind.tagged)
            junked = sum(count for (_, folder), count in delivered.items() if folder == Folder.JUNK_EMAIL)
            rows[kind.name].update(
                messages=1,
                copies=sum(delivered.values()),
                junked=junked,
                bounced=sum(bounced.values()),
                dropped=len(drops),
                blocked=blocked,
                changed=tagged,
            )
        columns = ("messages", "copies", "junked", "bounced", "dropped", "blocked", "changed")
        cells = [
            (name, f"{counts['messages']}", *(counts[column] or "" for column in columns[1:]), _where(name))
            for name, counts in rows.items()
        ]
        self.console.print(output.table(("", *columns, "where, and why"), cells, right=columns))
        total = sum(rows.values(), Counter())
        return ", ".join(f"{total[column]} {column}" for column in columns)

    def show_trace(self, *, tagged: bool) -> str:
        """Show the facts of one message that a rule applied to, or of one that a function changed."""
        those = [each for each in self.sent if each.message.kind.tagged == tagged]
        chosen = max(those, key=lambda each: (bool(each.message.kind.because), len(each.facts), each.trace))
        shown = timeline(chosen.facts)
        self.console.print(shown, soft_wrap=True)
        expect("the first fact", chosen.facts[0].name, EventName.ORGANIZATION_EMAIL_RECEIVED)
        expect("the timeline tells of the function", mail.FUNCTION in shown.plain, tagged)
        return f"{len(chosen.facts)} facts; in a stack of yours, ./scripts/postroom trace shows any message like this"

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
                        raise DemoError(f"{name} has a copy that was not sent: {item.id}")
                    stored = s3.get_object(Bucket=bucket, Key=f"inbound/{each.ses_message_id}")["Body"].read()
                    copy = b"".join(self.operator.content(head, item))
                    wanted = each.message.delivered(stored)
                    expect(f"{each.message.name}: {name}'s copy is what it must be", copy == wanted, True)
                    ended = each.message.content.endswith(b"\r\n")
                    whole = each.message.content if ended else each.message.content + b"\r\n"
                    expect(
                        f"{each.message.name}: SES stored what was sent, its own fields in front", _sent(stored), whole
                    )
                    compared[each.message.kind.tagged] += 1
                    progress()
        expect("copies that are in no mailbox", sorted(map(str, by_blob)), [])
        return (
            f"{compared[False]} equal what SES stored, byte for byte; "
            f"{compared[True]} have {mail.TAG} in their subject and no other byte changed"
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
        deadline = time.monotonic() + MAX_WAIT_SECONDS
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
    """Return recipients for which a rule or a policy dropped the message; a rule's function may drop it for some."""
    did = [did for fact in facts if fact.name is EventName.RULE_APPLIED for did in fact.event["ruleActions"]]
    by_rule = {address for each in did if each["action"] == ActionType.DROP for address in each["recipients"]}
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
    kind: Kind = next(kind for kind in mail.KINDS if kind.name == name)
    parts = [f"{', '.join(kind.copies)} → {kind.folder.value}"] if kind.copies else []
    parts += [f"{', '.join(kind.bounced)} bounced"] if kind.bounced else []
    parts += [f"{', '.join(kind.dropped)} dropped"] if kind.dropped else []
    why = f" ({', '.join(kind.because)})" if kind.because else ""
    return ("; ".join(parts) or "not delivered") + why


def _sent(stored: bytes) -> bytes:
    """Return what was sent of a message that SES stored: without the fields that SES put in front."""
    return stored[own_bytes(stored) :] if own_bytes(stored) else b"no fields of SES in front"
