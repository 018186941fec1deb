"""What tests of the availability functions share: the guide's question, checks of an answer, a calendar, secrets."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, Final

import boto3
from jsonschema import Draft202012Validator

ROOT: Final = Path(__file__).parents[2]
QUESTION: Final[dict[str, Any]] = json.loads(
    (ROOT / "functions" / "starters" / "events" / "availability.json").read_text("utf-8")
)
SCHEMAS: Final = {
    name: Draft202012Validator(json.loads((ROOT / "schemas" / f"cap-{name}.schema.json").read_text("utf-8")))
    for name in ("request", "answer")
}
ANN, BEN = "ann@partner.example", "ben@partner.example"
CALENDAR: Final = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20261202T090000Z\r\nDTEND:20261202T100000Z\r\n"
    b"SUMMARY:A s3cret plan\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
EVENT: Final = {"startTime": "2026-12-02T09:00:00Z", "endTime": "2026-12-02T10:00:00Z", "busyType": "BUSY"}


def keep(name: str, content: object) -> None:
    """Put a secret, or a new version of it."""
    text = content if isinstance(content, str) else json.dumps(content)
    make: Any = boto3.client
    client = make("secretsmanager")
    try:
        client.create_secret(Name=name, SecretString=text)
    except client.exceptions.ResourceExistsException:
        client.put_secret_value(SecretId=name, SecretString=text)


def question(*mailboxes: str) -> dict[str, Any]:
    asked = copy.deepcopy(QUESTION)
    asked["mailboxes"] = list(mailboxes)
    assert SCHEMAS["request"].is_valid(asked)
    return asked


def checked(answer: dict[str, Any], mailboxes: list[str]) -> list[dict[str, Any]]:
    """Return the answers of the mailboxes, which are those of the question in its order, after the schema."""
    SCHEMAS["answer"].validate(json.loads(json.dumps(answer)))
    found: list[dict[str, Any]] = answer["mailboxes"]
    assert [each["mailbox"] for each in found] == mailboxes
    return found
