"""The audit records that destinations have after a run, and what must hold of them."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Final

from postroom.model.audit_deliveries import DestinationKind
from tests.support.audit_targets import Targets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.faults.evidence import Fact

Audited = tuple[str, str]
"""The flow and the mailbox of an audited delivery."""

NAMES: Final = {"CWL": "the log group", "S3": "the bucket", "FH": "the stream"}


def audited_deliveries() -> dict[str, Counter[Audited]]:
    """Return what each destination has: how often each delivery."""
    found: dict[str, Counter[Audited]] = {}
    targets = Targets(0)
    for kind in DestinationKind:
        records = [json.loads(text) for text in targets.texts(kind)]
        found[kind.value] = Counter((record["request_id"], record["owner_id"]) for record in records)
    return found


def troubles(
    facts: list[Fact], destinations: Mapping[str, Counter[Audited]], *, once: bool
) -> Iterator[tuple[bool, str]]:
    """Yield what is wrong: whether a record is lost, and the text. With ``once`` no record may be doubled."""
    wanted = {(fact.trace, fact.data["mailboxId"]) for fact in facts if fact.name == "MAILBOX_EMAIL_DELIVERED"}
    for kind, records in destinations.items():
        for _, mailbox in wanted - records.keys():
            yield True, f"{NAMES[kind]} has no record of the delivery to {mailbox}"
        for _, mailbox in records.keys() - wanted:
            yield False, f"{NAMES[kind]} has a record of a delivery to {mailbox} that never was"
        if once and any(number > 1 for number in records.values()):
            yield False, f"{NAMES[kind]} has a record twice, though nothing went wrong"
