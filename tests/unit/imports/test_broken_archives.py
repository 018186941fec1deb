"""Archives that were damaged are refused, or are read as if they were not: nothing of them is read by halves."""

from __future__ import annotations

import io
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.errors import InvalidArchiveError
from postroom.imports.zip_reader import read_zip
from tests.support.archives import DESCRIPTOR, MESSAGE, End, Part, archive
from tests.support.exported import exported

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.imports.incoming import Found

PARTS = tuple(
    Part(b"Inbox/%d.eml" % number, MESSAGE * number + b"%d" % number, method=8 * (number % 2)) for number in range(6)
)
FOREIGN = archive(*PARTS)
LARGE = archive(*PARTS, end=End(zip64=True))
OURS = exported([MESSAGE * number for number in range(4)])
WHOLE = (FOREIGN, LARGE, OURS)
DATA = PARTS[0].local().find(PARTS[0].content)


def cut_end(content: bytes, random: Random) -> bytes:
    return content[: random.randrange(len(content))]


def cut_start(content: bytes, random: Random) -> bytes:
    return content[random.randrange(1, len(content)) :]


def cut_middle(content: bytes, random: Random) -> bytes:
    start, size = random.randrange(1, len(content) - 40), random.randrange(1, 40)
    return content[:start] + content[start + size :]


def insert(content: bytes, random: Random) -> bytes:
    place = random.randrange(DATA, len(content) - 30)
    return content[:place] + random.randbytes(random.randrange(1, 40)) + content[place:]


def overwrite(content: bytes, random: Random) -> bytes:
    place = random.randrange(len(content) - 60)
    return content[:place] + random.randbytes(60) + content[place + 60 :]


def clear(content: bytes, random: Random) -> bytes:
    place = random.randrange(len(content) - 60)
    return content[:place] + bytes(60) + content[place + 60 :]


def double(content: bytes, random: Random) -> bytes:
    place = random.randrange(1, len(content) // 2)
    return content[:place] + content[place // 2 :]


def turn_pages(content: bytes, random: Random) -> bytes:
    place = random.randrange(40, len(content) - 40)
    return content[place:] + content[:place]


DAMAGES: tuple[Callable[[bytes, Random], bytes], ...] = (
    cut_end,
    cut_start,
    cut_middle,
    insert,
    overwrite,
    clear,
    double,
    turn_pages,
)


@pytest.mark.parametrize("seed", range(9))
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_broken_archive_is_refused_before_anything_is_yielded(
    damage: Callable[[bytes, Random], bytes], seed: int
) -> None:
    broken = damage(WHOLE[seed % 3], Random(seed))  # noqa: S311 - the same damage in every run
    with pytest.raises(InvalidArchiveError):
        next(read_zip(io.BytesIO(broken)))


@given(st.sampled_from(WHOLE), st.data())
def test_a_changed_byte_is_found_or_changes_nothing(whole: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[place] ^= data.draw(st.integers(1, 255))
    found: list[Found] = []
    refused = False
    try:
        found += read_zip(io.BytesIO(changed))
    except InvalidArchiveError:
        refused = True
    assert found == ([] if refused else list(read_zip(io.BytesIO(whole))))


@given(st.binary(max_size=200), st.binary(max_size=60))
def test_any_bytes_are_refused_or_read(start: bytes, end: bytes) -> None:
    for content in (start, start + b"PK\5\6" + end, b"PK\3\4" + start + End().record(1, 46, len(start))):
        try:
            found = list(read_zip(io.BytesIO(content)))
        except InvalidArchiveError:
            continue
        assert found == []


def test_a_descriptor_that_is_cut_off_is_refused() -> None:
    part = Part(flags=DESCRIPTOR, local_sums=(0, 0, 0), behind=b"PK\7\x08")
    with pytest.raises(InvalidArchiveError, match="headers of an entry differ"):
        next(read_zip(io.BytesIO(archive(part))))


def test_a_file_that_changes_between_check_and_reading_stops_the_import() -> None:
    file = io.BytesIO(FOREIGN)
    found = read_zip(file)
    next(found)
    file.seek(FOREIGN.rindex(b"5", 0, FOREIGN.index(b"PK\1\2")))
    file.write(b"6")
    with pytest.raises(InvalidArchiveError):
        list(found)
