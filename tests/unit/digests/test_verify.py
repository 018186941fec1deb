"""Each way of tampering with a bucket is found and named; an untouched bucket is right."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from postroom.errors import ConflictError
from postroom.model.audit_findings import MEANINGS, FindingKind
from postroom.model.limits import HOUR_MS
from postroom.ports.digest_objects import StoredObject
from tests.support.audit_digests import Audited, audited, content, delivery, other_signer, signer, written
from tests.support.builders import NOON, ORG, OTHER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postroom.model.audit_chains import AuditChain
    from postroom.ports.audit_chains import OpenObject

Found = set[tuple[FindingKind, str]]
K: Final = FindingKind


def change_an_object(made: Audited) -> Found:
    made.bucket[written(3).key] = StoredObject(b"other records", {})
    return {(K.OBJECT_CHANGED, written(3).key)}


def exchange_two_objects(made: Audited) -> Found:
    one, two = written(2).key, written(3).key
    made.bucket[one], made.bucket[two] = made.bucket[two], made.bucket[one]
    return {(K.OBJECT_CHANGED, one), (K.OBJECT_CHANGED, two)}


def delete_an_object(made: Audited) -> Found:
    del made.bucket[written(4).key]
    return {(K.OBJECT_DELETED, written(4).key)}


def rename_an_object(made: Audited) -> Found:
    made.bucket[written(99).key] = made.bucket.pop(written(4).key)
    return {(K.OBJECT_DELETED, written(4).key), (K.OBJECT_ADDED, written(99).key)}


def add_an_object(made: Audited) -> Found:
    made.bucket[written(99).key] = StoredObject(content(99), {})
    return {(K.OBJECT_ADDED, written(99).key)}


def add_an_object_outside_the_organizations_folder(made: Audited) -> Found:
    key = "AWSLogs/123456789012/WorkMail/records.json.gz"
    made.bucket[key] = StoredObject(content(99), {})
    return {(K.OBJECT_ADDED, key)}


def change_an_open_object(made: Audited) -> Found:
    made.bucket[written(30).key] = StoredObject(b"other records", {})
    return {(K.OBJECT_CHANGED, written(30).key)}


def delete_an_open_object(made: Audited) -> Found:
    del made.bucket[written(30).key]
    return {(K.OBJECT_DELETED, written(30).key)}


def delete_a_digest(made: Audited) -> Found:
    key = made.digest_keys()[2]
    del made.bucket[key]
    return {(K.DIGEST_DELETED, key), (K.OBJECT_ADDED, written(4).key)}


def delete_several_digests_in_the_middle_with_their_objects(made: Audited) -> Found:
    keys = made.digest_keys()[2:5]
    for key in (*keys, *(written(number).key for number in (4, 5, 6))):
        del made.bucket[key]
    return {(K.DIGEST_DELETED, key) for key in keys}


def delete_the_first_digests_with_their_objects(made: Audited) -> Found:
    keys = made.digest_keys()[:2]
    for key in (*keys, *(written(number).key for number in (1, 2, 3))):
        del made.bucket[key]
    return {(K.DIGEST_DELETED, key) for key in keys}


def delete_the_newest_digests_with_their_objects(made: Audited) -> Found:
    keys = made.digest_keys()[-3:]
    for key in (*keys, *(written(number).key for number in (5, 6, 7))):
        del made.bucket[key]
    return {(K.DIGEST_DELETED, key) for key in keys}


def delete_everything(made: Audited) -> Found:
    keys = made.digest_keys()
    made.bucket.clear()
    return {(K.OBJECT_DELETED, written(30).key)} | {(K.DIGEST_DELETED, key) for key in keys}


def take_an_object_out_of_a_digest(made: Audited) -> Found:
    digest = made.read()[2]
    old = made.bucket[digest.key]
    made.sign(replace(digest, files=()), signer())
    made.bucket[digest.key] = replace(made.bucket[digest.key], metadata=old.metadata)
    del made.bucket[written(4).key]
    return {(K.DIGEST_SIGNATURE_WRONG, digest.key)}


def remove_a_signature(made: Audited) -> Found:
    key = made.digest_keys()[1]
    made.bucket[key] = replace(made.bucket[key], metadata={})
    return {(K.DIGEST_SIGNATURE_WRONG, key), (K.OBJECT_ADDED, written(3).key)}


def garble_a_signature(made: Audited) -> Found:
    key = made.digest_keys()[1]
    metadata = {**made.bucket[key].metadata, "signature": "not hexadecimal"}
    made.bucket[key] = replace(made.bucket[key], metadata=metadata)
    return {(K.DIGEST_SIGNATURE_WRONG, key), (K.OBJECT_ADDED, written(3).key)}


def sign_a_digest_with_another_key(made: Audited) -> Found:
    digest = made.read()[2]
    made.sign(digest, other_signer())
    return {(K.DIGEST_SIGNATURE_WRONG, digest.key), (K.OBJECT_ADDED, written(4).key)}


def name_another_key(made: Audited) -> Found:
    digest = made.read()[2]
    made.sign(replace(digest, files=(), fingerprint="00" * 32), other_signer())
    return {(K.DIGEST_UNKNOWN_KEY, digest.key), (K.OBJECT_ADDED, written(4).key)}


def overwrite_a_digest(made: Audited) -> Found:
    key = made.digest_keys()[3]
    made.bucket[key] = StoredObject(b"\x1f\x8b no digest", made.bucket[key].metadata)
    return {(K.DIGEST_UNREADABLE, key), (K.OBJECT_ADDED, written(5).key)}


def put_a_digest_in_the_place_of_another(made: Audited) -> Found:
    one, two = made.digest_keys()[2:4]
    made.bucket[two] = made.bucket[one]
    return {(K.DIGEST_MOVED, two), (K.OBJECT_ADDED, written(5).key)}


def bring_a_digest_from_another_organization(made: Audited) -> Found:
    theirs = Audited()
    theirs.put(written(1, organization_id=OTHER))
    theirs.write(after_hours=1)
    (key,) = theirs.digest_keys()
    own = made.digest_keys()[0]
    made.bucket[own] = theirs.bucket[key]
    added = {(K.OBJECT_ADDED, written(number).key) for number in (1, 2)}
    return {(K.DIGEST_MOVED, own), *added}


def replay_another_digest_of_the_same_hour(made: Audited) -> Found:
    """A signed one, as a copy of a digest that a run stored and another run replaced would be."""
    digest = made.read()[2]
    made.sign(replace(digest, files=()), signer())
    return {(K.DIGEST_REPLACED, digest.key), (K.OBJECT_ADDED, written(4).key)}


def replay_another_newest_digest(made: Audited) -> Found:
    digest = made.read()[-1]
    made.sign(replace(digest, files=()), signer())
    del made.bucket[written(7).key]
    return {(K.DIGEST_REPLACED, digest.key)}


def begin_the_chain_again(made: Audited) -> Found:
    """Everything is deleted, and a stack with the same key writes a shorter history."""
    keys = made.digest_keys()
    again = Audited()
    again.put(written(1))
    again.write(after_hours=2)
    made.bucket.clear()
    made.bucket.update(again.bucket)
    deleted = {(K.DIGEST_DELETED, key) for key in keys[2:]}
    return {(K.OBJECT_DELETED, written(30).key), *deleted}


def restore_an_older_table(made: Audited) -> Found:
    head = made.head()
    (older,) = audited(hours=2).rows.chains()
    made.rows.advance(head, older)
    return {(K.HEAD_BEHIND, head.key)}


TAMPERINGS: Final = [
    change_an_object,
    exchange_two_objects,
    delete_an_object,
    rename_an_object,
    add_an_object,
    add_an_object_outside_the_organizations_folder,
    change_an_open_object,
    delete_an_open_object,
    delete_a_digest,
    delete_several_digests_in_the_middle_with_their_objects,
    delete_the_first_digests_with_their_objects,
    delete_the_newest_digests_with_their_objects,
    delete_everything,
    take_an_object_out_of_a_digest,
    remove_a_signature,
    garble_a_signature,
    sign_a_digest_with_another_key,
    name_another_key,
    overwrite_a_digest,
    put_a_digest_in_the_place_of_another,
    bring_a_digest_from_another_organization,
    replay_another_digest_of_the_same_hour,
    replay_another_newest_digest,
    begin_the_chain_again,
    restore_an_older_table,
]


@pytest.fixture
def made() -> Audited:
    """Six hours with digests, and one that is open with an object."""
    made = audited()
    made.put(written(30, hour=6))
    made.rows.intend([written(31, hour=6)])
    return made


def test_an_untouched_bucket_is_right(made: Audited) -> None:
    found = made.verify()
    assert not found.findings
    assert (found.digests, found.objects, found.records, found.opened) == (6, 8, 14, 2)
    assert (found.first_ms, found.last_ms) == (NOON, NOON + 6 * HOUR_MS)
    assert found.open_since_ms == NOON + 6 * HOUR_MS


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda each: each.__name__)
def test_tampering_is_found_and_named(made: Audited, tamper: Callable[[Audited], Found]) -> None:
    planted = tamper(made)
    found = made.verify().findings
    assert {(each.kind, each.key) for each in found} == planted
    assert len(found) == len(planted)


def test_at_least_ten_kinds_of_findings_are_planted() -> None:
    kinds = set[FindingKind]()
    for tamper in TAMPERINGS:
        made = audited()
        made.put(written(30, hour=6))
        kinds |= {kind for kind, _ in tamper(made)}
    assert kinds == set(FindingKind) - {K.CHAIN_GAP, K.DIGEST_OVERDUE, K.BUCKET_REFUSES}
    assert len(kinds) >= 10
    assert MEANINGS.keys() == set(FindingKind)


def test_a_signed_digest_that_leaves_an_hour_out_is_a_gap(made: Audited) -> None:
    digests = made.read()
    shorter = replace(digests[-1], start_ms=digests[-1].start_ms + HOUR_MS // 2)
    made.sign(shorter, signer())
    assert (K.CHAIN_GAP, shorter.key) in {(each.kind, each.key) for each in made.verify().findings}


def test_digests_that_should_have_come_are_overdue(made: Audited) -> None:
    made.at_ms = NOON + 9 * HOUR_MS
    assert not made.verify().findings
    made.at_ms += 1
    (finding,) = made.verify().findings
    assert finding.kind is K.DIGEST_OVERDUE
    assert "T190000Z" in finding.key


def test_a_chain_that_rests_has_no_open_hour() -> None:
    made = audited(hours=1)
    made.deliveries.configured = [delivery("arn:aws:s3:::other")]
    made.write(after_hours=2)
    made.at_ms = NOON + 200 * HOUR_MS
    found = made.verify()
    assert (found.open_since_ms, found.opened, list(found.findings)) == (None, 0, [])


def test_what_was_removed_by_age_need_not_be_there(made: Audited) -> None:
    for key in (*made.digest_keys()[:2], *(written(number).key for number in (1, 2, 3))):
        del made.bucket[key]
    assert made.verify().findings
    found = made.verify(since_ms=NOON + 2 * HOUR_MS)
    assert not found.findings
    assert (found.digests, found.first_ms) == (4, NOON + 2 * HOUR_MS)
    del made.bucket[made.digest_keys()[-1]]
    assert made.verify(since_ms=NOON + 2 * HOUR_MS).findings


def test_an_unfinished_object_may_be_missing_or_right_but_not_changed() -> None:
    made = Audited()
    made.put(written(1))
    made.rows.intend([written(2)])
    made.write(after_hours=1)
    assert (made.verify().unfinished, list(made.verify().findings)) == (1, [])
    made.bucket[written(2).key] = StoredObject(content(2), {})
    assert (made.verify().unfinished, list(made.verify().findings)) == (0, [])
    made.bucket[written(2).key] = StoredObject(b"other records", {})
    assert [each.kind for each in made.verify().findings] == [K.OBJECT_CHANGED]


def test_the_digests_of_an_earlier_key_need_its_public_key() -> None:
    made = Audited(key=other_signer())
    made.put(written(1))
    made.write(after_hours=2)
    made.key = signer()
    made.write(after_hours=4)
    found = made.verify().findings
    assert [(each.kind, each.key) for each in found if each.kind is K.DIGEST_UNKNOWN_KEY] == [
        (K.DIGEST_UNKNOWN_KEY, key) for key in made.digest_keys()[:2]
    ]
    assert not made.verify(keys=[signer().public_key(), other_signer().public_key()]).findings


def test_chains_in_one_bucket_do_not_take_each_others_objects_for_added() -> None:
    made = Audited()
    made.put(written(1))
    made.put(written(2, organization_id=OTHER))
    made.put(written(3, organization_id=OTHER))
    shared = replace(written(4), key="AWSLogs/123456789012/WorkMail/by-day/004.json.gz")
    made.put(shared)
    made.write(after_hours=1)
    assert [list(each.findings) for each in made.verification().run()] == [[], []]
    assert [each.chain.organization_id for each in made.verification().run(ORG)] == [ORG]
    made.bucket[written(5, organization_id=OTHER).key] = StoredObject(content(5), {})
    ours, theirs = made.verification().run()
    assert not ours.findings
    assert [each.kind for each in theirs.findings] == [K.OBJECT_ADDED]


def test_an_added_object_whose_key_names_two_organizations_is_found() -> None:
    """A table over an organization's folder reads what is below it, whatever the folders there are called."""
    made = Audited()
    made.put(written(1))
    made.put(written(2, organization_id=OTHER))
    made.write(after_hours=1)
    key = f"{written(1).key.rpartition('/')[0]}/{OTHER}/099.json.gz"
    made.bucket[key] = StoredObject(content(99), {})
    found = {(finding.kind, finding.key) for chain in made.verification().run() for finding in chain.findings}
    assert found == {(K.OBJECT_ADDED, key)}


def test_a_bucket_that_is_gone_is_named_and_does_not_stop_the_others() -> None:
    made = Audited()
    made.rows.intend([replace(written(1, organization_id=OTHER), bucket="gone")])
    made.put(written(2))
    ours, theirs = made.verification().run()
    assert not ours.findings
    (finding,) = theirs.findings
    assert (finding.kind, finding.key) == (K.BUCKET_REFUSES, "gone")
    assert (theirs.first_ms, theirs.open_since_ms) == (None, None)


def test_a_digest_that_is_written_meanwhile_is_no_finding(made: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    read, calls = made.rows.open_objects, list[int]()

    def moving(_: object, chain: AuditChain) -> Iterator[OpenObject]:
        found = list(read(chain))
        if not calls:
            calls.append(1)
            made.write(after_hours=7)
        return iter(found)

    monkeypatch.setattr(type(made.rows), "open_objects", moving)
    result = made.verify()
    assert not result.findings
    assert result.digests == 7


def test_digests_that_are_written_all_the_time_end_the_verification(made: Audited) -> None:
    class Moving:
        def __getattr__(self, name: str) -> object:
            return getattr(made.rows, name)

        def chains(self) -> object:
            head = made.head()
            made.rows.advance(head, replace(head, end_ms=head.end_ms + HOUR_MS))
            return [head]

    with pytest.raises(ConflictError, match="verify again"):
        list(replace(made.verification(), chains=Moving()).run())  # type: ignore[arg-type]
