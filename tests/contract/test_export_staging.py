"""What exports stage, and sealed mail that is read ahead, in memory and in S3 alike."""

from __future__ import annotations

from threading import Barrier, Lock
from typing import TYPE_CHECKING

import pytest

from postroom.adapters.aws.export_staging import S3ExportStaging, S3SealedReads
from postroom.adapters.aws.read_ahead import ahead
from postroom.adapters.memory.exports import MemoryExportStaging, MemorySealedReads
from postroom.adapters.memory.sealed_mail import MemorySealedMail
from postroom.errors import MessageNotFoundError

if TYPE_CHECKING:
    from postroom.ports.export_staging import ExportStaging, SealedReads
    from tests.support.stack import Stack


@pytest.fixture(params=["memory", "s3"])
def staging(request: pytest.FixtureRequest) -> ExportStaging:
    if request.param == "memory":
        return MemoryExportStaging()
    stack: Stack = request.getfixturevalue("stack")
    return S3ExportStaging(stack.s3, stack.environment["MAIL_BUCKET"])


@pytest.fixture(params=["memory", "s3"])
def reads(request: pytest.FixtureRequest) -> SealedReads:
    if request.param == "memory":
        mail = MemorySealedMail()
        for number in range(0, 40, 2):
            mail.put_once(f"mail/{number}", bytes([number]))
        return MemorySealedReads(mail)
    stack: Stack = request.getfixturevalue("stack")
    bucket = stack.environment["MAIL_BUCKET"]
    for number in range(0, 40, 2):
        stack.s3.put_object(Bucket=bucket, Key=f"mail/{number}", Body=bytes([number]))
    return S3SealedReads(stack.s3, bucket)


def test_the_last_writer_stays(staging: ExportStaging) -> None:
    staging.put("exports/o/j/1", b"first")
    staging.put("exports/o/j/1", b"second")
    assert staging.get("exports/o/j/1") == b"second"


def test_nothing_is_found_where_nothing_is(staging: ExportStaging) -> None:
    with pytest.raises(MessageNotFoundError):
        staging.get("exports/o/j/1")
    with pytest.raises(MessageNotFoundError):
        list(staging.in_order(["exports/o/j/1"]))


def test_objects_come_in_the_order_that_is_asked_for(staging: ExportStaging) -> None:
    for name in "abcdefg":
        staging.put(f"exports/o/j/{name}", name.encode())
    assert b"".join(staging.in_order(f"exports/o/j/{name}" for name in "gfaebcd")) == b"gfaebcd"


def test_what_is_under_a_prefix_is_removed_and_nothing_else(staging: ExportStaging) -> None:
    for name in ("o/j/1", "o/j/2/3", "o/k/1"):
        staging.put(f"exports/{name}", b"1")
    staging.remove_under("exports/o/j/")
    staging.remove_under("exports/o/j/")
    assert staging.get("exports/o/k/1") == b"1"
    for name in ("o/j/1", "o/j/2/3"):
        with pytest.raises(MessageNotFoundError):
            staging.get(f"exports/{name}")


def test_messages_come_in_order_and_a_missing_one_is_none(reads: SealedReads) -> None:
    found = list(reads.in_order((f"mail/{number}", 1) for number in range(40)))
    assert found == [None if number % 2 else bytes([number]) for number in range(40)]


def test_calls_run_at_once() -> None:
    together = Barrier(4, timeout=60)  # each call waits for three others
    found = ahead(lambda number: (together.wait(), number)[1], ((n, 1) for n in range(8)), threads=4, most_bytes=100)
    assert list(found) == list(range(8))


def test_results_that_wait_hold_no_more_than_allowed() -> None:
    lock, held, most = Lock(), [0], [0]

    def fetch(size: int) -> int:
        with lock:
            held[0] += size
            most[0] = max(most[0], held[0])
        return size

    sizes = [10, 10, 10, 90, 10, 10, 50, 60, 10]
    found = []
    for size in ahead(fetch, ((size, size) for size in sizes), threads=8, most_bytes=100):
        found.append(size)
        with lock:
            held[0] -= size
    assert found == sizes
    assert most[0] <= 100 + 90  # the one in use may still be held


def test_an_error_comes_in_the_place_of_its_thing() -> None:
    def fetch(number: int) -> int:
        if number == 3:
            raise MessageNotFoundError("x")
        return number

    found = ahead(fetch, ((n, 1) for n in range(10)), threads=2, most_bytes=100)
    assert [next(found), next(found), next(found)] == [0, 1, 2]
    with pytest.raises(MessageNotFoundError):
        next(found)
