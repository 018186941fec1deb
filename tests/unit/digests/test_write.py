"""Digests are written for every hour, whatever stops between two calls, and their chain never has two ends."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.memory.digest_objects import MemoryDigestObjects
from postroom.digests.signatures import fingerprint, is_signed
from postroom.digests.write import DELAY_MS
from postroom.errors import AuditRefusedError, StoreUnavailableError
from postroom.model.limits import HOUR_MS
from postroom.ports.digest_objects import StoredObject
from tests.support.audit_digests import AMPLE_MS, BUCKET, Audited, audited, delivery, other_signer, signer, written
from tests.support.builders import NOON, ORG, OTHER

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_digest_lists_its_hours_objects_and_is_signed() -> None:
    made = Audited()
    first, second = made.put(written(1)), made.put(written(2))
    assert made.write(after_hours=1) == {"chains": 1, "digests": 1, "replaced": 0}
    (digest,) = made.read()
    assert [(each.key, each.sha256, each.records) for each in digest.files] == [
        (first.key, first.sha256, 2),
        (second.key, second.sha256, 2),
    ]
    assert (digest.start_ms, digest.end_ms, digest.number) == (NOON, NOON + HOUR_MS, 1)
    assert digest.previous is None
    assert digest.fingerprint == fingerprint(signer().public_key())
    (key,) = made.digest_keys()
    assert key == (
        f"AWSLogs/123456789012/WorkMail-Digest/us-east-1/{ORG}/2026/11/24/"
        f"123456789012_WorkMail-Digest_us-east-1_{ORG}_20261124T130000Z.json.gz"
    )
    assert is_signed(digest, made.bucket[key], signer().public_key())
    assert not is_signed(digest, made.bucket[key], other_signer().public_key())
    assert not list(made.rows.open_objects(made.head()))


def test_each_digest_names_the_one_before() -> None:
    made = audited(hours=3)
    first, second, third = made.read()
    for before, after in ((first, second), (second, third)):
        stored = made.bucket[before.key]
        assert after.previous is not None
        assert after.previous.key == before.key
        assert after.previous.sha256 == hashlib.sha256(stored.content).hexdigest()
        assert after.previous.signature == stored.metadata["signature"]
        assert after.start_ms == before.end_ms
    assert made.head().key == third.key
    assert made.head().sha256 == hashlib.sha256(made.bucket[third.key].content).hexdigest()


def test_hours_without_objects_have_their_digests() -> None:
    made = Audited()
    made.put(written(1))
    made.write(after_hours=1)
    assert made.write(after_hours=4)["digests"] == 3
    assert [len(each.files) for each in made.read()] == [1, 0, 0, 0]


def test_an_hour_is_open_until_no_writer_of_it_can_be_at_work() -> None:
    made = Audited(at_ms=NOON + HOUR_MS + DELAY_MS - 1)
    made.put(written(1))
    assert made.digests().run(lambda: AMPLE_MS)["digests"] == 0
    assert not made.digest_keys()


def test_a_row_that_comes_late_is_in_the_next_digest() -> None:
    made = audited(hours=1)
    made.put(written(9))
    made.write(after_hours=2)
    assert [each.key for each in made.read()[1].files] == [written(9).key]


def test_an_object_without_completion_is_looked_up() -> None:
    made = Audited()
    stored, absent, changed = written(1), written(2), written(3)
    made.put(stored, complete=False)
    made.rows.intend([absent])
    made.put(changed, complete=False)
    made.bucket[changed.key] = StoredObject(b"other bytes", {})
    made.write(after_hours=1)
    (digest,) = made.read()
    assert [each.key for each in digest.files] == [stored.key, changed.key]
    assert [(each.key, each.sha256) for each in digest.unfinished] == [(absent.key, absent.sha256)]
    assert digest.files[1].sha256 == changed.sha256
    assert not list(made.rows.open_objects(made.head()))


def test_a_chain_without_a_delivery_rests_after_a_last_digest_until_the_next_object() -> None:
    made = audited(hours=1)
    made.deliveries.configured = [delivery(f"arn:aws:s3:::{BUCKET}/elsewhere"), delivery("arn:aws:s3:::other")]
    made.write(after_hours=5)
    assert [each.final for each in made.read()] == [False, True]
    assert made.write(after_hours=9)["digests"] == 0
    made.put(written(20, hour=11))
    made.write(after_hours=12)
    third = made.read()[2]
    assert (third.start_ms, third.number, third.final) == (NOON + 11 * HOUR_MS, 3, False)
    assert not made.verify().findings


def test_the_chain_of_an_organization_that_is_deleted_rests_when_all_is_listed() -> None:
    made = Audited(active=False)
    made.put(written(1))
    made.write(after_hours=5)
    assert [(len(each.files), each.final) for each in made.read()] == [(1, False), (0, True)]
    assert not made.verify().findings


def test_a_prefix_of_the_destination_is_the_chains() -> None:
    made = Audited()
    made.deliveries.configured = [delivery(f"arn:aws:s3:::{BUCKET}/logs/")]
    made.put(written(1, prefix="logs/"))
    made.write(after_hours=3)
    assert all(key.startswith("logs/AWSLogs/123456789012/WorkMail-Digest/") for key in made.digest_keys())
    assert [each.final for each in made.read()] == [False, False, False]


def test_organizations_in_one_bucket_have_chains_of_their_own() -> None:
    made = Audited()
    made.put(written(1))
    made.put(written(2, organization_id=OTHER))
    assert made.write(after_hours=1) == {"chains": 2, "digests": 2, "replaced": 0}
    assert all(not each.findings for each in made.verification().run())


def test_one_bucket_that_is_gone_does_not_stop_the_other_chains() -> None:
    made = Audited()
    made.deliveries.configured = [delivery(), delivery("arn:aws:s3:::gone")]
    made.rows.intend([replace(written(1, organization_id="m-" + "0" * 32), bucket="gone")])
    made.put(written(2))
    with pytest.raises(AuditRefusedError, match="gone"):
        made.write(after_hours=1)
    assert len(made.read()) == 1


def test_a_chain_whose_bucket_is_gone_rests_once_no_delivery_writes_there() -> None:
    made = audited(hours=1)
    made.put(written(9, hour=1))
    gone = MemoryDigestObjects()
    made.at_ms = NOON + 2 * HOUR_MS + DELAY_MS
    with pytest.raises(AuditRefusedError):
        made.digests(objects=gone).run(lambda: AMPLE_MS)
    assert not made.head().final
    made.deliveries.configured = []
    assert made.digests(objects=gone).run(lambda: AMPLE_MS)["digests"] == 0
    assert made.head().final
    assert not list(made.rows.open_objects(made.head()))
    assert made.digests(objects=gone).run(lambda: AMPLE_MS)["digests"] == 0


def test_what_others_put_in_the_place_of_a_digest_is_replaced() -> None:
    made = audited(hours=1)
    (first,) = made.read()
    second = replace(first, key=first.key.replace("T13", "T14"), start_ms=first.end_ms, end_ms=first.end_ms + HOUR_MS)
    made.bucket[second.key] = StoredObject(b"no digest", {})
    assert made.write(after_hours=2)["replaced"] == 1
    genuine = made.read()[1]
    third = replace(genuine, key=second.key.replace("T14", "T15"), start_ms=second.end_ms, number=3)
    made.sign(replace(third, end_ms=second.end_ms + HOUR_MS, fingerprint="00" * 32), other_signer())
    assert made.write(after_hours=3)["replaced"] == 1
    assert not made.verify().findings


CALLS = ["put_new", "advance", "listed", "given_up", "open_objects", "sign"]


@dataclass
class Stopping:
    """Takes the place of a port; its method ``name`` fails, before or after it has done its work."""

    port: Any
    name: str
    done: bool

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self.port, name)
        if name != self.name:
            return method

        def stopped(*arguments: Any) -> Any:
            if self.done:
                method(*arguments)
            raise StoreUnavailableError("stopped")

        return stopped


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", CALLS)
def test_a_run_that_stops_at_any_call_is_repeated(name: str, *, done: bool) -> None:
    made = Audited(at_ms=NOON + 2 * HOUR_MS + DELAY_MS)
    made.put(written(1))
    made.put(written(2, hour=1))
    made.rows.intend([written(3)])
    stopping = replace(
        made.digests(),
        chains=Stopping(made.rows, name, done),
        objects=Stopping(made.objects, name, done),
        signer=Stopping(signer(), name, done),
    )
    with pytest.raises(StoreUnavailableError):
        stopping.run(lambda: AMPLE_MS)
    made.put(written(4))
    made.write(after_hours=3)
    found = made.verify()
    assert not found.findings
    assert found.digests == 3
    listed = [each.key for digest in made.read() for each in digest.files]
    assert sorted(set(listed)) == [written(number).key for number in (1, 2, 4)]
    assert not list(made.rows.open_objects(made.head()))


def test_two_runs_at_the_same_time_write_one_chain() -> None:
    made = Audited(at_ms=NOON + HOUR_MS + DELAY_MS)
    made.put(written(1))

    @dataclass
    class Slow:
        """Another run does everything while this one stores its digest."""

        def __getattr__(self, name: str) -> Any:
            return getattr(made.objects, name)

        def put_new(self, bucket: str, key: str, stored: StoredObject) -> bool:
            made.put(written(2))
            made.digests().run(lambda: AMPLE_MS)
            return made.objects.put_new(bucket, key, stored)

    assert made.digests(objects=Slow()).run(lambda: AMPLE_MS)["digests"] == 0
    made.write(after_hours=2)
    assert [[each.key for each in digest.files] for digest in made.read()] == [[written(1).key, written(2).key], []]
    assert not made.verify().findings


def test_a_digest_that_is_deleted_before_its_objects_are_settled_is_made_good_by_the_next() -> None:
    made = Audited(at_ms=NOON + HOUR_MS + DELAY_MS)
    made.put(written(1))
    with pytest.raises(StoreUnavailableError):
        made.digests(chains=Stopping(made.rows, "listed", done=False)).run(lambda: AMPLE_MS)
    (key,) = made.digest_keys()
    del made.bucket[key]
    made.write(after_hours=2)
    (second,) = made.read()
    assert [each.key for each in second.files] == [written(1).key]
    assert second.number == 2


def test_a_run_without_time_leaves_the_rest_to_the_next() -> None:
    made = Audited(at_ms=NOON + 5 * HOUR_MS + DELAY_MS)
    made.put(written(1))
    left = iter([AMPLE_MS, AMPLE_MS, 0])
    assert made.digests().run(lambda: next(left))["digests"] == 2
    assert made.write(after_hours=5)["digests"] == 3


def test_the_chain_that_is_furthest_behind_is_continued_first() -> None:
    made = Audited()
    for number, organization in enumerate(sorted([ORG, OTHER])):
        made.put(written(1, hour=1 - number, organization_id=organization))
    made.at_ms = NOON + 9 * HOUR_MS + DELAY_MS
    made.digests().run(iter([AMPLE_MS, 0, 0]).__next__)
    (digest,) = made.read()
    assert digest.organization_id == max(ORG, OTHER)
