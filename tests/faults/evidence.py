"""The contents of tables, buckets, queues and logs after a run, read without the stations' code.

The only knowledge of the code is names: of tables, queues and facts, and of the fields of facts.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import boto3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from moto.ses.models import ses_backends

from tests.faults.audited import audited_deliveries, proofs
from tests.faults.exported import gathered
from tests.faults.faults import IN_ORDER
from tests.faults.harness import ACCOUNT, REGION
from tests.faults.outgoing import LEFT, Transmitted, is_transmission, refused, submitter, traces_of
from tests.support.audit_targets import GROUP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.faults.audited import Audited, Proofs
    from tests.faults.exported import Exported
    from tests.faults.harness import Harness

FRAME: Final = (1 << 20) + 16
"""Bytes of one sealed frame, tag included. Source: docs/decisions, the sealed format."""


EFFECTS: Final = ("ses SendBounce", "ses SendRawEmail", "sesv2 SendEmail", "smtp CONTENT")
"""Calls with an effect outside our tables. A stop between such a call and its record repeats only this call."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One row of the ledger."""

    trace: str
    key: str
    name: str
    event: Mapping[str, Any]
    data: Mapping[str, Any]

    @property
    def id(self) -> str:
        return f"{self.trace}/{self.key}"


@dataclass(frozen=True, slots=True)
class Copy:
    """One item of a mailbox. ``content`` is None if its object is missing or cannot be decrypted."""

    mailbox: str
    folders: Mapping[str, int]
    blob: str
    size: int
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The index of a mailbox: the counters of its head, its items, and the item of each UID per folder."""

    size: int
    sequence: int
    counters: Mapping[str, Mapping[str, int]]
    copies: tuple[Copy, ...]
    memberships: Mapping[tuple[str, int], str]
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class State:
    """The state of one recipient of a message: a mailbox, or an envelope recipient without one."""

    message: str
    recipient: str
    state: str


def _mailbox(fact: Fact) -> list[str]:
    return [fact.data["mailboxId"]]


def _bounced(fact: Fact) -> list[str]:
    return [fact.data.get("mailboxId") or fact.event["bouncedRecipient"]["emailAddress"]]


def _sender(_: Fact) -> list[str]:
    return ["the sender"]


def _by_rule(fact: Fact) -> list[str]:
    """Return the recipients that a rule dropped. A bounced recipient has a fact of its own."""
    actions = fact.event["ruleActions"]
    return [each for action in actions if action["action"] == "DROP" for each in action["recipients"]]


def _by_policy(fact: Fact) -> list[str]:
    return list(fact.event["recipients"]) if fact.data["final"] else []


ENDS: Final[Mapping[str, tuple[str, Callable[[Fact], list[str]]]]] = {
    "MAILBOX_EMAIL_DELIVERED": ("delivered", _mailbox),
    "INCOMING_EMAIL_BOUNCED": ("bounced", _bounced),
    "RECIPIENT_SKIPPED": ("skipped", lambda fact: [fact.data["memberId"]]),
    "RULE_APPLIED": ("dropped", _by_rule),
    "DMARC_POLICY_APPLIED": ("dropped", _by_policy),
    "OUTGOING_EMAIL_SUBMITTED": ("submitted", submitter),
    "OUTGOING_EMAIL_SENT": ("sent", lambda fact: [fact.event["recipient"]]),
    "OUTGOING_EMAIL_BOUNCED": ("refused", refused),
    "MESSAGE_BLOCKED": ("blocked", lambda fact: list(fact.data["recipients"])),
    "QUOTA_NOTICE_DROPPED": ("dropped", lambda fact: [f"{fact.data['mailboxId']}'s notice"]),
    "QUOTA_NOTICE_DELIVERED": ("noticed", lambda fact: [f"{fact.data['mailboxId']}'s notice"]),
    "BOUNCE_SENT": ("told", _sender),
    "BOUNCE_SUPPRESSED": ("not told", _sender),
    "JOURNALING_INITIATED": ("reported", lambda _: ["the journal"]),
    "JOURNALING_FAILED": ("not reported", lambda _: ["the journal"]),
    "JOURNAL_NOTICE_SENT": ("told", lambda _: ["the report address"]),
    "JOURNAL_NOTICE_FAILED": ("not told", lambda _: ["the report address"]),
}
"""Facts that are final for recipients or for the bounce message: the state, and the recipients."""

PASSING: Final = {
    "ORGANIZATION_EMAIL_RECEIVED",
    "RULE_ATTEMPTED",
    "RULE_CALL_DROPPED",
    "ORGANIZATION_DELETING",
    "MAILBOX_REMOVED",
    "ORGANIZATION_DELETED",
    "CONTENT_PUT",
    "CALENDAR_UPDATED",
    "CALENDAR_IGNORED",
    "BOOKING_ANSWERED",
    "OUT_OF_OFFICE_ANSWERED",
    "REPLY_NOT_SENT",
    "PROVIDER_ASKED",
    "EXPORT_STARTED",
    "IMPORT_STARTED",
    "IMPORT_COMPLETED",
    "IMPORT_ENDED",
    "EXPORT_PLANNED",
    "EXPORT_PACKED",
    "EXPORT_COMPLETED",
    "EXPORT_ENDED",
    "BOUNCE_INTENDED",
    "TRANSMIT_DEFERRED",
    "TRANSMIT_DELAYED",
    "DELIVERY_DELAYED",
    "DELAY_NOTICE_SENT",
    "PARKED",
    "REDRIVEN",
    "ANNOUNCED",
    "DISCARDED",
    "ORDER_STORED",
}
"""Facts that are final for no recipient. Parked recipients have a row in transit; so have orders that were stored."""


@dataclass
class Evidence:
    """Everything that exists after a run."""

    messages: Mapping[str, bytes]
    replaced: Mapping[str, bytes]
    """The content that a rule's function put in place of a message; mailboxes must hold it."""
    submitted: Mapping[str, bytes]
    """What users sent, as it is in Sent Items."""
    facts: list[Fact]
    transit: Sequence[Mapping[str, Any]]
    mailboxes: Mapping[str, Mailbox]
    sealed: Mapping[str, bytes]
    raw: Mapping[str, bytes]
    directory: Sequence[str]
    """The keys of the directory's rows."""
    queues: Mapping[str, list[str]]
    lines: list[Mapping[str, Any]]
    announced: list[Mapping[str, Any]]
    answers: list[str]
    """Bounce messages that SES sent: requests of SendBounce as JSON, and messages of SendRawEmail."""
    transmitted: list[Transmitted]
    relayed: list[Transmitted]
    """What the SMTP gateway has taken."""
    provided: int
    """How often a provider of free/busy information was called."""
    called_last: str
    """The call that went wrong; empty in a run without a fault."""
    noted: frozenset[str]
    """Sealed objects of calendars that a change may have left over; a note in the mailbox names them."""
    in_the_window: bool
    """Whether a call with an effect outside our tables, or the call after it, went wrong: it may be repeated."""
    message_of: Mapping[str, str] = field(default_factory=dict)
    audited: Mapping[str, Counter[Audited]] = field(default_factory=dict)
    """What destinations of audit records have."""
    proofs: Proofs | None = None
    """The digests of the bucket; None if none are written."""
    exported: Exported | None = None
    """What the bucket of an export has; None if there is no such bucket."""
    undisturbed: bool = False
    """Whether nothing went wrong, and every message was handed out once and in order."""

    @property
    def listed(self) -> Iterator[tuple[str, str]]:
        """The trace and mailbox of each order that a flow lists and that no fact has ended."""
        ids = {fact.id for fact in self.facts}
        for fact in self.facts:
            for mailbox, *_ in fact.data.get("orders", ()):
                if f"{fact.trace}/MAILBOX_EMAIL_DELIVERED:{mailbox}" not in ids:
                    yield fact.trace, mailbox

    @property
    def sent(self) -> dict[bytes, str]:
        """The name of the message by content that mailboxes may hold."""
        return {content: name for name, content in {**self.messages, **self.replaced, **self.submitted}.items()}

    @property
    def states(self) -> Iterator[State]:
        """Every state of every recipient; a recipient in two states is yielded twice."""
        for fact in self.facts:
            if fact.name in ENDS:
                state, recipients = ENDS[fact.name]
                for recipient in recipients(fact):
                    yield State(self._message(fact.trace), recipient, state)
            elif fact.name == "DISCARDED":
                yield State(self._message(fact.trace), fact.data["what"].removeprefix("order:"), "discarded")
        for trace, mailbox in self.listed:
            yield State(self._message(trace), mailbox, "open")
        for row in self.transit:
            state = "open" if row["state"]["S"] == "OPEN" else "parked"
            what, _, rest = row["sk"]["S"].partition(":")
            mailbox, _, kind = rest.partition(":")
            if what == "order":
                yield State(self._message(row["pk"]["S"]), f"{mailbox}'s notice" if kind else mailbox, state)
            elif what == "bounce":
                yield State(self._message(row["pk"]["S"]), "the sender", state)
            elif what == "call":
                call = json.loads(row["body"]["S"])
                for recipient in call["recipients"] if call["synchronous"] else [row["sk"]["S"]]:
                    yield State(self._message(row["pk"]["S"]), recipient, state)
            elif what not in {
                "event",
                "audit-records",
            }:  # facts and audit records that wait for their logs are no recipients
                yield State(self._message(row["pk"]["S"]), what, state)

    def _message(self, trace: str) -> str:
        return self.message_of.get(trace, trace.removeprefix("arrival:"))


def gather(harness: Harness) -> Evidence:
    """Read everything."""
    facts = [_fact(row) for row in harness.stack.rows("LEDGER_TABLE")]
    sealed = harness.stack.objects("MAIL_BUCKET")
    queues, sent = harness.queued(), list(ses_backends[ACCOUNT][REGION].sent_messages)
    made = Evidence(
        messages=harness.messages,
        replaced=harness.replaced,
        submitted=harness.submitted,
        facts=facts,
        transit=[row for row in harness.stack.rows("TRANSIT_TABLE") if "state" in row],  # the others are counters
        mailboxes=_mailboxes(harness, sealed),
        sealed=sealed,
        raw=harness.stack.objects("INBOUND_BUCKET"),
        directory=[f"{row['pk']['S']} {row['sk']['S']}" for row in harness.stack.rows("DIRECTORY_TABLE")],
        queues=queues,
        lines=list(_lines()) if "record_events" in harness.functions else [],
        provided=sum("requester" in event for event in harness.pipeline.callees.events),
        called_last=harness.injector.struck,
        answers=[str(each.raw_data) for each in sent if not is_transmission(each.raw_data)],
        transmitted=[
            Transmitted(tuple(each.destinations), str(each.raw_data)) for each in sent if is_transmission(each.raw_data)
        ],
        relayed=harness.gateway.taken,
        noted=_noted(harness),
        in_the_window=any(call.endswith(EFFECTS) for call in harness.injector.near),
        announced=[json.loads(body)["detail"] for body in queues["bus-witness"]],
        audited=audited_deliveries() if "write_audit_log" in harness.functions else {},
        proofs=_proofs(harness) if "write_audit_digests" in harness.functions else None,
        exported=gathered(harness.stack.rows("DIRECTORY_TABLE")),
        undisturbed=not harness.injector.struck and harness.handing == IN_ORDER,
    )
    came = [fact for fact in facts if "sesMessageId" in fact.data and fact.name not in LEFT]
    made.message_of = {fact.trace: fact.data["sesMessageId"] for fact in came}
    causes = {fact.trace: fact.data["causedBy"] for fact in facts if "causedBy" in fact.data}
    made.message_of |= traces_of(harness.submitted)
    made.message_of |= {
        trace: f"reply to {made.message_of[cause]}" for trace, cause in causes.items() if trace not in made.message_of
    }
    return made


def _proofs(harness: Harness) -> Proofs:
    return proofs(harness.stack.rows("TRANSIT_TABLE"), os.environ["AUDIT_SIGNING_KEY_ARN"])


def _noted(harness: Harness) -> frozenset[str]:
    notes = (row for row in harness.stack.rows("MAILBOX_TABLE") if row["sk"]["S"].startswith("note:"))
    return frozenset(blob["S"] for row in notes for blob in row["blobs"]["L"])


def open_sealed(sealed: bytes, mailbox_key: bytes, place: str) -> bytes | None:
    """Decrypt a sealed message by the description of the format; return None if that fails."""
    length = sealed[4]
    wrapped, frames = sealed[5 : 5 + length], sealed[5 + length :]
    pieces = [frames[start : start + FRAME] for start in range(0, len(frames), FRAME)]
    try:
        key = AESGCM(mailbox_key).decrypt(wrapped[:12], wrapped[12:], f"key\0{place}".encode())
        return b"".join(
            AESGCM(key).decrypt(number.to_bytes(11, "big") + bytes([number == len(pieces) - 1]), piece, None)
            for number, piece in enumerate(pieces)
        )
    except InvalidTag:
        return None


def _fact(row: Mapping[str, Any]) -> Fact:
    trace, key = row["pk"]["S"], row["sk"]["S"]
    if trace.count("-") == 3 and ":" not in trace:  # the flows of one message lie together
        own, _, key = key.partition("#")
        trace = f"{trace}-{own}"
    return Fact(trace, key, row["name"]["S"], json.loads(row["event"]["S"]), json.loads(row["data"]["S"]))


def _mailboxes(harness: Harness, sealed: Mapping[str, bytes]) -> dict[str, Mailbox]:
    rows: defaultdict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for row in harness.stack.rows("MAILBOX_TABLE"):
        rows[row["pk"]["S"]][row["sk"]["S"]] = row
    return {name: _mailbox_of(name, its_rows, sealed) for name, its_rows in rows.items()}


def _mailbox_of(name: str, rows: Mapping[str, Mapping[str, Any]], sealed: Mapping[str, bytes]) -> Mailbox:
    head = rows["head"]
    items = {row["id"]["S"]: row for sk, row in rows.items() if sk.startswith("in:")}
    key = _plain_key(head) if items else b""
    places = [sk.split(":") for sk in rows if sk.startswith("in:")]
    return Mailbox(
        size=int(head["size"]["N"]),
        sequence=int(head["sequence"]["N"]),
        counters={
            folder: {short: int(value["N"]) for short, value in numbers["M"].items()}
            for folder, numbers in head["folders"]["M"].items()
        },
        copies=tuple(_copy(name, item, row, key, sealed) for item, row in items.items()),
        memberships={(folder, int(uid)): rows[f"in:{folder}:{uid}"]["id"]["S"] for _, folder, uid in places},
        items=tuple(items),
    )


def _copy(mailbox: str, item: str, row: Mapping[str, Any], key: bytes, sealed: Mapping[str, bytes]) -> Copy:
    blob = row["blob"]["S"]
    if blob.endswith("/"):  # the rest is the item's own: mailbox and token
        blob += f"{mailbox}/{item.partition('-')[2]}"
    _, folder, uid = row["sk"]["S"].split(":")
    return Copy(
        mailbox,
        {folder: int(uid)},
        blob,
        int(row["size"]["N"]),
        open_sealed(sealed[blob], key, blob) if blob in sealed else None,
    )


_KEYS: dict[bytes, bytes] = {}


def _plain_key(head: Mapping[str, Any]) -> bytes:
    wrapped = bytes(head["key"]["B"])
    if wrapped not in _KEYS:
        context = {"aws:workmail:arn": head["arn"]["S"]}
        answer = boto3.client("kms").decrypt(CiphertextBlob=wrapped, EncryptionContext=context)
        _KEYS[wrapped] = answer["Plaintext"]
    return _KEYS[wrapped]


def _lines() -> Iterator[Mapping[str, Any]]:
    logs = boto3.client("logs")
    groups = [group for group in logs.describe_log_groups()["logGroups"] if group["logGroupName"] != GROUP]
    for group in groups:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        for page in pages:
            for event in page["events"]:
                yield json.loads(event["message"])
