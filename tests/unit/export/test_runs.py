"""Items are cut into runs, and bytes into parts, within S3's limits."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.contracts.export_staging import (
    PackedHead,
    PlanHead,
    PlannedItem,
    RunHead,
    StagedKeys,
    read_plan,
    split_head,
    with_head,
    write_plan,
)
from postroom.errors import ExportRefusedError
from postroom.export import runs
from postroom.export.archive import Entry, RunWriter
from postroom.export.manifest import piece_of
from postroom.export.packed import PackedRun
from postroom.export.parts import PartCutter
from postroom.export.runs import RunCutter, most_bytes, part_bytes_for
from postroom.model.limits import MB
from postroom.ports.export_uploads import MAX_PARTS, MIN_PART_BYTES

GB = 1 << 30


def item(size: int, path: str = "Inbox/20261130T194931Z-1.eml") -> PlannedItem:
    return PlannedItem(
        blob="mail/o/m/1", size=size, received=0, path=path, folder="INBOX", item_class="IPM.Note", read=False
    )


@given(st.lists(st.integers(0, 40 * MB), max_size=60))
def test_each_item_is_in_one_run_and_no_run_needs_anothers_parts(sizes: list[int]) -> None:
    cutter = RunCutter()
    made = list(cutter.cut(item(size) for size in sizes))
    assert [each.size for run in made for each in run.items] == sizes
    assert [run.number for run in made] == list(range(len(made)))
    firsts = [*(run.first_part for run in made), cutter.next_part]
    for run, first, following in zip(made, firsts, firsts[1:], strict=False):
        assert run.items
        assert following - first >= -(-sum(map(most_bytes, run.items)) // cutter.part_bytes) >= 1
        assert len(run.items) == 1 or sum(map(most_bytes, run.items)) <= 4 * cutter.part_bytes
    assert firsts[0] == 1


def test_a_run_has_a_limited_number_of_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MAX_RUN_ITEMS", 10)
    assert [len(run.items) for run in RunCutter().cut(item(0) for _ in range(25))] == [10, 10, 5]


@pytest.mark.parametrize("size", [0, 50 * GB, 100 * GB, 500 * GB])
def test_a_mailbox_of_any_size_fits_into_an_uploads_parts(size: int) -> None:
    part_bytes = part_bytes_for(size)
    run_bytes = 4 * part_bytes
    count = size // run_bytes + 1
    most_parts = count * (run_bytes // part_bytes + 1)
    assert most_parts < MAX_PARTS - 1000
    assert part_bytes <= 100 * MB


def test_more_items_than_parts_are_refused() -> None:
    cutter = RunCutter(part_bytes=1 << 10, next_part=MAX_PARTS - 3)
    with pytest.raises(ExportRefusedError):
        list(cutter.cut(item(4000) for _ in range(3)))


@settings(deadline=None)  # 150 MB are copied
@given(st.lists(st.integers(0, 25 * MB), max_size=6))
def test_all_parts_but_the_last_of_an_upload_may_be_parts(sizes: list[int]) -> None:
    cutter = PartCutter(16 * MB)
    content = bytes(25 * MB)
    parts = [len(part) for size in sizes for part in cutter.add(content[:size])]
    rest = cutter.rest()
    assert sum(parts) + len(rest) == sum(sizes)
    assert set(parts) <= {16 * MB}
    assert not parts or len(rest) >= MIN_PART_BYTES
    assert len(rest) < 16 * MB + MIN_PART_BYTES
    assert len(parts) + 1 <= max(1, -(-sum(sizes) // (16 * MB)))


def test_the_longest_entry_has_no_more_bytes_than_its_run_has_room_for() -> None:
    for name, size in (("a", 0), ("Ä" * 200, 10_000), ("x" * 60_000, 5)):
        header, data = RunWriter().add(Entry(name, 1_796_000_000_000), Random(1).randbytes(size))  # noqa: S311 - stored
        assert len(data) == size
        assert len(header) + len(data) <= most_bytes(item(size, name))
    large = RunWriter().add_packed(Entry("a", 1_796_000_000_000), method=0, crc=0, packed=5 * GB, size=5 * GB)
    assert len(large) + 5 * GB <= most_bytes(item(5 * GB, "a"))


def test_plans_and_packed_runs_are_read_as_they_were_written() -> None:
    head = RunHead(first_part=3, part_bytes=5, folders={"INBOX": ("Inbox", "a\nb")})
    items = [item(1), item(2, "Inbox/\u2028.eml")]
    read, found = read_plan(write_plan(head, items))
    assert (read, list(found)) == (head, items)
    writer = RunWriter()
    writer.add(Entry("a\n", 0), b"content")
    index = writer.index()
    packed = PackedHead(
        first_part=1, parts=('"x"',), staged=("0-a",), items=1, size=7, missing=0, index_bytes=len(index.dump())
    )
    run = PackedRun(packed, index, piece_of([]))
    assert PackedRun.load(run.dump()) == run
    whole = PlanHead(tail_part=1, part_bytes=2)
    first, rest = split_head(with_head(whole, b"\n\n"))
    assert (PlanHead.model_validate_json(first), rest) == (whole, b"\n\n")


def test_a_later_version_may_add_members() -> None:
    head, rest = split_head(write_plan(RunHead(first_part=1, part_bytes=2, folders={}), [item(1)]))
    later = head.replace(b"{", b'{"added":1,', 1) + b"\n" + rest.replace(b"{", b'{"added":[1],', 1)
    read, found = read_plan(later)
    assert (read.first_part, list(found)) == (1, [item(1)])


def test_objects_of_two_attempts_and_two_organizations_are_apart() -> None:
    one, two = StagedKeys.under("o", "j", "upload-1"), StagedKeys.under("o", "j", "upload-2")
    assert one.folder != two.folder
    assert all(key.startswith(StagedKeys.of("o", "j")) for key in (one.head, two.plan(1), one.packed(0, 1)))
    assert len({one.head, one.completion, one.plan(0), one.packed(0, 0), one.packed(0, 1), one.packed(1, 0)}) == 6
