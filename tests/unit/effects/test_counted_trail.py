"""Metrics of what was refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from postroom.adapters.memory.audit_trail import MemoryAuditTrail
from postroom.adapters.memory.metrics import MemoryMetrics
from postroom.contracts import audit_log
from postroom.contracts.audit_log import AuditRecord, MailboxAction, ObjectType, Protocol, Request, TokenAction
from postroom.effects.counted_trail import CountedTrail
from postroom.errors import StoreUnavailableError

NOON: Final = 1_795_000_020_000
REQUEST: Final = Request("r1", "m-1", "arn:m-1", NOON + 1, Protocol.EWS, "192.0.2.7", "agent", "u-ann")


def action(*, allowed: bool) -> AuditRecord:
    return audit_log.mailbox_access(
        REQUEST, MailboxAction.READ, owner_id="u-bob", object_type=ObjectType.FOLDER, allowed=allowed
    )


RECORDS: Final = [
    audit_log.access_evaluation(REQUEST, granted=False),
    audit_log.access_evaluation(REQUEST, granted=True),
    audit_log.access_evaluation(replace(REQUEST, organization_id="m-2"), granted=True),
    action(allowed=True),
    action(allowed=False),
    action(allowed=False),
    audit_log.authentication(REQUEST, user="ann"),
    audit_log.authentication(REQUEST, user="ann", failed_reason="WRONG_PASSWORD"),
    audit_log.token_event(REQUEST, TokenAction.DELETE, user="ann", name="phone", expires_ms=None, scopes=[]),
]


def test_what_is_refused_is_1_and_what_is_allowed_is_0() -> None:
    trail, metrics = MemoryAuditTrail(), MemoryMetrics()
    CountedTrail(trail, metrics).record(RECORDS)
    assert trail.records == RECORDS
    assert +metrics.sums == {
        ("m-1", "AccessDenied"): 1,
        ("m-1", "ActionDenied"): 2,
        ("m-1", "AuthenticationFailure"): 1,
    }
    assert metrics.observations == {
        ("m-1", "AccessDenied"): 2,
        ("m-2", "AccessDenied"): 1,
        ("m-1", "ActionDenied"): 3,
        ("m-1", "AuthenticationFailure"): 2,
    }
    assert set(metrics.minutes) == {NOON // 60_000 * 60_000}


def test_what_is_not_kept_is_not_counted() -> None:
    metrics = MemoryMetrics()
    with pytest.raises(StoreUnavailableError):
        CountedTrail(MemoryAuditTrail(away=True), metrics).record(RECORDS)
    assert not metrics.observations
