"""Written objects and heads of chains, in memory and in DynamoDB."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.aws.written_objects import DynamoWrittenObjects
from postroom.adapters.memory.written_objects import MemoryWrittenObjects
from postroom.errors import ConflictError, StoreUnavailableError
from postroom.model.audit_chains import AuditChain
from postroom.model.limits import HOUR_MS
from postroom.ports.audit_chains import OpenObject
from postroom.ports.written_objects import WrittenObject
from tests.support.builders import NOON, ORG, OTHER

if TYPE_CHECKING:
    from tests.support.stack import Stack

BUCKET = "audit"
Store = MemoryWrittenObjects | DynamoWrittenObjects


def written(key: str = "AWSLogs/a.json.gz", **changes: Any) -> WrittenObject:
    made = WrittenObject(
        organization_id=ORG,
        delivery_id="d-1",
        bucket=BUCKET,
        key=key,
        sha256="ab" * 32,
        size_bytes=512,
        at_ms=NOON + 61_000,
        records=3,
    )
    return replace(made, **changes)


@dataclass
class Kept:
    """One store, seen by processes that know nothing of each other."""

    store: Store
    stack: Stack | None

    def elsewhere(self) -> Store:
        if self.stack is None:
            return self.store
        return DynamoWrittenObjects(self.stack.dynamodb, self.stack.environment["TRANSIT_TABLE"], lambda _: None)


@pytest.fixture(params=["memory", "dynamodb"])
def kept(request: pytest.FixtureRequest) -> Kept:
    if request.param == "memory":
        return Kept(MemoryWrittenObjects(), None)
    made = Kept(MemoryWrittenObjects(), request.getfixturevalue("stack"))
    made.store = made.elsewhere()
    return made


def opened(store: Store, chain: AuditChain) -> list[OpenObject]:
    return list(store.open_objects(chain))


def test_the_first_object_begins_a_chain_at_the_start_of_its_hour(kept: Kept) -> None:
    assert not kept.store.chains()
    kept.store.intend([written()])
    chain = AuditChain(ORG, BUCKET, "", NOON // HOUR_MS * HOUR_MS)
    assert kept.store.chains() == [chain]
    assert opened(kept.store, chain) == [OpenObject(written(), complete=False)]
    kept.store.complete([written()])
    assert opened(kept.store, chain) == [OpenObject(written(), complete=True)]


def test_chains_are_told_apart_by_organization_bucket_and_prefix(kept: Kept) -> None:
    places = [(OTHER, BUCKET, ""), (ORG, BUCKET, "logs/of us/"), (ORG, BUCKET, ""), (ORG, "other", "")]
    objects = [written(f"{prefix}AWSLogs/a", organization_id=org, bucket=bucket) for org, bucket, prefix in places]
    kept.store.intend(objects)
    chains = kept.store.chains()
    assert [(each.organization_id, each.bucket, each.prefix) for each in chains] == sorted(places)
    found = [each.written for chain in chains for each in opened(kept.store, chain)]
    assert sorted(found, key=repr) == sorted(objects, key=repr)


def test_an_object_that_is_done_stays_done_when_it_is_intended_again(kept: Kept) -> None:
    kept.store.intend([written()])
    kept.store.complete([written()])
    kept.elsewhere().intend([written(at_ms=NOON + 2 * HOUR_MS)])
    (chain,) = kept.store.chains()
    assert chain.end_ms == NOON
    assert opened(kept.store, chain) == [OpenObject(written(), complete=True)]


def test_an_intent_that_is_repeated_has_the_later_time(kept: Kept) -> None:
    kept.store.intend([written()])
    kept.store.intend([written(at_ms=NOON + 2 * HOUR_MS)])
    (chain,) = kept.store.chains()
    assert opened(kept.store, chain) == [OpenObject(written(at_ms=NOON + 2 * HOUR_MS), complete=False)]


def test_listed_objects_are_open_no_more_and_a_late_one_is_open_again(kept: Kept) -> None:
    keys = [f"AWSLogs/{number:02}" for number in range(30)]
    kept.store.intend([written(key) for key in keys])
    kept.store.complete([written(key) for key in [*keys, keys[0]]])
    (chain,) = kept.store.chains()
    kept.store.listed(chain, [*keys[:-1], keys[0], "unknown"])
    assert [each.written.key for each in opened(kept.store, chain)] == keys[-1:]
    kept.store.complete([written(keys[0])])
    assert opened(kept.store, chain)[0] == OpenObject(written(keys[0]), complete=True)


def test_an_unfinished_object_is_given_up_unless_it_is_complete_by_now(kept: Kept) -> None:
    kept.store.intend([written("AWSLogs/a"), written("AWSLogs/b")])
    kept.elsewhere().complete([written("AWSLogs/b")])
    (chain,) = kept.store.chains()
    kept.store.given_up(chain, ["AWSLogs/a", "AWSLogs/b", "unknown"])
    assert opened(kept.store, chain) == [OpenObject(written("AWSLogs/b"), complete=True)]


def test_a_head_moves_once(kept: Kept) -> None:
    kept.store.intend([written()])
    (chain,) = kept.store.chains()
    after = replace(
        chain, end_ms=chain.end_ms + HOUR_MS, digests=1, key="d", sha256="1f", signature="ab", settled=False
    )
    kept.store.advance(chain, after)
    assert kept.elsewhere().chains() == [after]
    with pytest.raises(ConflictError):
        kept.store.advance(chain, after)
    kept.store.advance(after, replace(after, settled=True))
    kept.elsewhere().intend([written("AWSLogs/b")])
    assert kept.store.chains() == [replace(after, settled=True)]
    with pytest.raises(ConflictError):
        kept.store.advance(replace(chain, prefix="other/"), after)


def test_a_table_that_does_not_answer_is_unavailable(stack: Stack) -> None:
    absent = DynamoWrittenObjects(stack.dynamodb, "absent", lambda _: None)
    chain = AuditChain(ORG, BUCKET, "", NOON)
    with pytest.raises(StoreUnavailableError):
        absent.intend([written()])
    with pytest.raises(StoreUnavailableError):
        absent.complete([written()])
    with pytest.raises(StoreUnavailableError):
        absent.chains()
    with pytest.raises(StoreUnavailableError):
        absent.advance(chain, chain)
    with pytest.raises(StoreUnavailableError):
        absent.listed(chain, ["a"])
