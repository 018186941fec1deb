"""Raw mail by location, in memory and in S3 alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.adapters.memory.raw_mail import MemoryRawMail
from postroom.contracts.orders import RawLocation
from postroom.errors import MessageNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.stack import Stack

BUCKET = "inbound-bucket"


@dataclass
class Shelf:
    raw: MemoryRawMail | S3RawMail
    store: Callable[[str, bytes], object]


@pytest.fixture(params=["memory", "s3"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    if request.param == "memory":
        memory = MemoryRawMail(BUCKET, lambda: 2_000_000_000_000)
        return Shelf(memory, memory.store)
    stack: Stack = request.getfixturevalue("stack")
    return Shelf(
        S3RawMail(stack.s3, BUCKET), lambda key, content: stack.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
    )


def at(key: str) -> RawLocation:
    return RawLocation(bucket=BUCKET, key=key)


@pytest.mark.parametrize("content", [b"", b"a", bytes(range(256)), b"x\n\xff\r\n" * 50_000])
def test_what_was_stored_is_read_byte_for_byte(shelf: Shelf, content: bytes) -> None:
    shelf.store("inbound/1", content)
    assert shelf.raw.read(at("inbound/1")) == content
    assert shelf.raw.head(at("inbound/1"), 10) == (content[:10], len(content))
    assert shelf.raw.head(at("inbound/1"), 1 << 20) == (content, len(content))


def test_nothing_is_found_where_nothing_lies(shelf: Shelf) -> None:
    for read in (lambda: shelf.raw.read(at("inbound/0")), lambda: shelf.raw.head(at("inbound/0"), 1)):
        with pytest.raises(MessageNotFoundError):
            read()


def test_what_is_kept_first_stays(shelf: Shelf) -> None:
    place = shelf.raw.keep("transit/t/plan", b"first")
    assert shelf.raw.keep("transit/t/plan", b"second") == place == at("transit/t/plan")
    assert shelf.raw.read(place) == b"first"


def test_objects_list_by_key_below_their_prefix(shelf: Shelf) -> None:
    for key in ("inbound/2", "transit/1/plan", "inbound/1"):
        shelf.store(key, b"x")
    assert [found.key for found in shelf.raw.stored("inbound/")] == ["inbound/1", "inbound/2"]
    assert all(found.stored_ms > 1_700_000_000_000 for found in shelf.raw.stored("inbound/"))
    assert list(shelf.raw.stored("other/")) == []


def test_what_is_removed_is_gone_and_may_be_removed_again(shelf: Shelf) -> None:
    shelf.store("inbound/1", b"x")
    shelf.raw.remove("inbound/1")
    shelf.raw.remove("inbound/1")
    assert list(shelf.raw.stored("")) == []


def test_several_objects_are_removed_at_once_and_may_be_gone_already(shelf: Shelf) -> None:
    for name in ("1", "2", "3"):
        shelf.store(f"inbound/{name}", b"x")
    for _ in range(2):
        shelf.raw.remove_all(["inbound/1", "inbound/3"])
    assert [found.key for found in shelf.raw.stored("")] == ["inbound/2"]
