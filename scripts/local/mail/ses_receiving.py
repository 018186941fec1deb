"""SES receiving: which recipients are accepted, which receipt rule applies, and its S3 action with a topic.

Source: AWS SES, "Email receiving concepts": the active rule set, its rules in order, recipients by address, by domain
or by `.domain` for all subdomains; a rule without recipients takes all of the verified domains.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import string
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from local.mail.ses_headers import ses_headers
from local.mail.ses_notification import Verdicts, notification
from postroom.model.addresses import a_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.aws import Aws

MESSAGE_ID_LENGTH: Final = 40
"""Of an SES receiving message id: lower-case letters and digits."""

FRESH_SECONDS: Final = 1.0
"""How long rules and identities are cached; before an address is refused they are read again. Ours."""

KEPT_ORIGINALS: Final = 10_000
"""Messages that SendBounce can ask for. Ours; SES goes by time, 24 hours."""

KEPT_HEADER_BYTES: Final = 8 * 1024
"""How much of each one's header block is kept for that. Ours."""

SUBJECT: Final = "Amazon SES Email Receipt Notification"
"""Of what goes to the topic."""

_ALPHABET: Final = string.ascii_lowercase + string.digits


@dataclass(frozen=True)
class Rule:
    """A receipt rule with an S3 action."""

    name: str
    recipients: tuple[str, ...]
    bucket: str
    prefix: str
    topic_arn: str

    def takes(self, address: str) -> bool:
        """Say whether this rule names the address, its domain, or a parent domain written with a dot before it.

        Domains are compared as A-labels, whichever form the address and the rule have.
        """
        exact = with_a_label(address)
        domain = exact.rpartition("@")[2]
        return not self.recipients or any(
            recipient in (exact, _without_tag(exact), domain)
            or (recipient.startswith(".") and domain.endswith(recipient))
            for recipient in self.recipients
        )


@dataclass(frozen=True)
class Original:
    """What is remembered of a message that was received here: envelope sender, and the beginning of its headers."""

    sender: str
    headers: bytes


@dataclass(frozen=True)
class _Delivery:
    """One message for one rule, ready to be stored under `key` and announced."""

    rule: Rule
    message_id: str
    key: str
    stored: bytes
    announcement: str


@dataclass(frozen=True)
class _State:
    rules: tuple[Rule, ...]
    domains: frozenset[str]
    read: float


class SesReceiving:
    """The Internet's side of SES in this Region. Safe to call from any thread."""

    def __init__(self, aws: Aws, *, ses_headers: bool = False) -> None:
        """Keep the emulator; `ses_headers` adds to the stored message what SES adds."""
        self._aws = aws
        self._ses_headers = ses_headers
        self._state = _State((), frozenset(), 0.0)
        self._originals: dict[str, Original] = {}
        self._lock = threading.Lock()

    def rule_for(self, address: str) -> Rule | None:
        """Return the first rule that takes a recipient; None: its domain is not verified, or no rule names it.

        Raises:
            ClientError, BotoCoreError: the emulator is gone.
        """
        if time.monotonic() - self._state.read > FRESH_SECONDS:
            self._refresh()
        found = self._rule(address)
        if found is None:
            self._refresh()
            found = self._rule(address)
        return found

    def is_local(self, address: str) -> bool:
        """Say whether mail to an address comes in here."""
        return self.rule_for(address) is not None

    def original(self, message_id: str) -> Original | None:
        """Return one of the newest messages received here; None: not known (any more)."""
        return self._originals.get(message_id)

    def receive(self, sender: str, recipients: Sequence[str], content: bytes, verdicts: Verdicts) -> list[str]:
        """Store and announce one transmission; one notification for each rule that takes some of the recipients.

        Args:
            sender: envelope sender; empty for bounces.
            recipients: accepted before, as the client wrote them.
            content: the bytes to store.
            verdicts: what SES finds in them.

        Returns:
            The message ids, one for each rule (nearly always one).

        Raises:
            ClientError, BotoCoreError: nothing is promised to the client then.
        """
        by_rule: dict[Rule, list[str]] = {}
        for recipient in recipients:
            if rule := self.rule_for(recipient):
                by_rule.setdefault(rule, []).append(recipient)
        deliveries = [self._prepare(rule, sender, matched, content, verdicts) for rule, matched in by_rule.items()]
        for delivery in deliveries:
            self._act(delivery)
            self._remember(delivery.message_id, Original(sender, header_fields(content[:KEPT_HEADER_BYTES])))
        return [delivery.message_id for delivery in deliveries]

    def _prepare(self, rule: Rule, sender: str, recipients: list[str], content: bytes, verdicts: Verdicts) -> _Delivery:
        """Make the object and its notification; nothing is stored yet."""
        received, began = datetime.now(UTC), time.monotonic()
        message_id = "".join(secrets.choice(_ALPHABET) for _ in range(MESSAGE_ID_LENGTH))
        stored = content
        if self._ses_headers:
            stored = ses_headers(message_id, sender, recipients, verdicts, received, content) + content
        key = f"{rule.prefix}{message_id}"
        action = {
            "type": "S3",
            "topicArn": rule.topic_arn,
            "bucketName": rule.bucket,
            "objectKeyPrefix": rule.prefix,
            "objectKey": key,
        }
        announcement = notification(
            message_id=message_id,
            source=sender,
            recipients=recipients,
            content=stored,
            verdicts=verdicts,
            action=action,
            received=received,
            took_ms=int((time.monotonic() - began) * 1000),
        )
        return _Delivery(rule, message_id, key, stored, announcement)

    def _act(self, delivery: _Delivery) -> None:
        """Store and announce. If the announcement is refused, the object is deleted.

        If it is not answered, the object stays: the announcement may have been accepted, and refers to it.
        """
        bucket, topic = delivery.rule.bucket, delivery.rule.topic_arn
        s3 = self._aws.client("s3")
        s3.put_object(Bucket=bucket, Key=delivery.key, Body=delivery.stored)
        if not topic:
            return
        try:
            self._aws.client("sns").publish(TopicArn=topic, Subject=SUBJECT, Message=delivery.announcement)
        except ClientError:
            with contextlib.suppress(ClientError, BotoCoreError):  # the client gets the refusal
                s3.delete_object(Bucket=bucket, Key=delivery.key)
            raise

    def _remember(self, message_id: str, original: Original) -> None:
        with self._lock:
            self._originals[message_id] = original
            if len(self._originals) > KEPT_ORIGINALS:
                del self._originals[next(iter(self._originals))]

    def _rule(self, address: str) -> Rule | None:
        state = self._state
        domain = a_label(address.rpartition("@")[2])
        parents = (domain.split(".", cut)[-1] for cut in range(domain.count(".") + 1))
        if not any(parent in state.domains for parent in parents):
            return None
        return next((rule for rule in state.rules if rule.takes(address)), None)

    def _refresh(self) -> None:
        with self._lock:
            ses = self._aws.client("ses")
            try:
                described = ses.describe_active_receipt_rule_set()
            except ClientError as error:
                if error.response["Error"]["Code"] not in ("RuleSetDoesNotExist", "RuleSetDoesNotExistException"):
                    raise
                described = {}
            rules = [rule for one in described.get("Rules", ()) if (rule := _read(one)) is not None]
            identities = [
                identity
                for page in ses.get_paginator("list_identities").paginate(IdentityType="Domain")
                for identity in page["Identities"]
            ]
            verified = self._verified(identities)
            self._state = _State(tuple(rules), frozenset(verified), time.monotonic())

    def _verified(self, identities: list[str]) -> list[str]:
        ses, found = self._aws.client("ses"), []
        for first in range(0, len(identities), 100):
            page = identities[first : first + 100]
            answer = ses.get_identity_verification_attributes(Identities=page)["VerificationAttributes"]
            found += [a_label(name) for name, state in answer.items() if state["VerificationStatus"] == "Success"]
        return found


def _read(rule: dict[str, Any]) -> Rule | None:
    if not rule.get("Enabled", False):
        return None
    for action in rule.get("Actions", ()):
        if "S3Action" in action:
            s3 = action["S3Action"]
            recipients = tuple(with_a_label(recipient) for recipient in rule.get("Recipients", ()))
            prefix, topic = s3.get("ObjectKeyPrefix", ""), s3.get("TopicArn", "")
            return Rule(rule["Name"], recipients, s3["BucketName"], prefix, topic)
    return None


def header_fields(head: bytes) -> bytes:
    """Return the header fields in the beginning of a message, without Bcc; cut where they do not end in time."""
    block = re.split(rb"\r?\n\r?\n", head, maxsplit=1)[0]
    fields = re.findall(rb"(?:\A|(?<=\n))[!-9;-~]+[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*", block)
    kept = (field.rstrip() for field in fields if not re.match(rb"(?i)(resent-)?bcc[ \t]*:", field))
    return b"".join(field + b"\r\n" for field in kept)


def with_a_label(text: str) -> str:
    """Return an address, a domain, or a domain with a dot before it, lower-case and with A-labels."""
    local, at, domain = text.lower().rpartition("@")
    dot = "." if domain.startswith(".") else ""
    return f"{local}{at}{dot}{a_label(domain.removeprefix('.'))}"


def as_written(text: str) -> str:
    """Return an address with its domain in A-labels, and its local part as it is (RFC 5321, 2.4)."""
    local, at, domain = text.rpartition("@")
    return f"{local}{at}{a_label(domain)}"


def _without_tag(address: str) -> str:
    """Return user@example.com for user+tag@example.com: SES's rules take both."""
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
