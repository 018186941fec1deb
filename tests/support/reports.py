"""Bounce messages that a running stack has sent, and the requirements of RFC 3464."""

from __future__ import annotations

import email
import email.utils
import json
import re
from email import policy
from email.message import EmailMessage, Message
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tests.support.running_stack import RunningStack

OF_MESSAGE: Final = {
    "Original-Envelope-Id": r"\S.*",
    "Reporting-MTA": r"[\w-]+; *\S+",
    "DSN-Gateway": r"[\w-]+; *\S+",
    "Received-From-MTA": r"[\w-]+; *\S+",
    "Arrival-Date": r".+ [+-]\d{4}",
}
"""Fields of the message, and their form. Source: RFC 3464 2.2."""

OF_RECIPIENT: Final = {
    "Original-Recipient": r"[\w-]+; *\S.*",
    "Final-Recipient": r"[\w-]+; *\S.*",
    "Action": "failed|delayed|delivered|relayed|expanded",
    "Status": r"[245]\.\d{1,3}\.\d{1,3}",
    "Remote-MTA": r"[\w-]+; *\S+",
    "Diagnostic-Code": r"[\w-]+; *\S.*",
    "Last-Attempt-Date": r".+ [+-]\d{4}",
    "Final-Log-ID": r"\S.*",
    "Will-Retry-Until": r".+ [+-]\d{4}",
}
"""Fields of one recipient, and their form. Source: RFC 3464 2.3."""


def sent_to(running: RunningStack, to: str) -> list[tuple[dict[str, Any], bytes]]:
    """Return what was sent to an address: envelope and bytes of each message."""
    found = []
    for path in sorted(Path(running.environment["POSTROOM_OUTBOX"]).glob("*.json")):
        envelope = json.loads(path.read_text("utf-8"))
        if to in envelope["to"]:
            found.append((envelope, path.with_suffix(".eml").read_bytes()))
    return found


def outbox(running: RunningStack, to: str) -> list[tuple[dict[str, Any], EmailMessage]]:
    """Return the messages that were sent to an address: envelope and message each."""
    sent = sent_to(running, to)
    return [(envelope, email.message_from_bytes(content, policy=policy.default)) for envelope, content in sent]


def status_of(report: EmailMessage) -> list[dict[str, str]]:
    """Return the field groups of a report's delivery status, checked: the message's, then one for each recipient."""
    assert (report.get_content_type(), report.get_param("report-type")) == ("multipart/report", "delivery-status")
    kinds = [each.get_content_type() for each in report.iter_parts()]
    assert kinds == ["text/plain", "message/delivery-status", "text/rfc822-headers"]  # RFC 6522 3
    (part,) = (each for each in report.iter_parts() if each.get_content_type() == "message/delivery-status")
    payload = part.get_payload()
    assert isinstance(payload, list)
    groups = [each for each in payload if isinstance(each, Message)]
    assert len(groups) > 1
    for number, group in enumerate(groups):
        forms = OF_RECIPIENT if number else OF_MESSAGE
        assert len(group.keys()) == len(set(group.keys())), "no field twice"
        for name, value in group.items():
            assert name in forms or name.startswith("X-"), name
            assert re.fullmatch(forms.get(name, ".*"), str(value)), (name, value)
            if name.endswith("-Date"):
                assert email.utils.parsedate_to_datetime(str(value)).tzinfo
        assert {"Final-Recipient", "Action", "Status"} <= set(group.keys()) if number else "Reporting-MTA" in group
    return [{name: str(value) for name, value in group.items()} for group in groups]
