"""Parts of an upload: whatever the pieces are, their bytes come out in order, in parts of one size."""

from __future__ import annotations

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from postroom.export import parts
from postroom.export.parts import PartCutter

SMALLEST = 5


@given(st.lists(st.binary(max_size=40)), st.integers(SMALLEST, 20))
def test_parts_and_rest_are_the_pieces_in_order(pieces: list[bytes], part_bytes: int) -> None:
    with patch.object(parts, "MIN_PART_BYTES", SMALLEST):
        cutter = PartCutter(part_bytes)
        cut = [part for piece in pieces for part in cutter.add(piece)]
        rest = cutter.rest()
    assert b"".join([*cut, rest]) == b"".join(pieces)
    assert {len(part) for part in cut} <= {part_bytes}
    assert len(rest) < part_bytes + SMALLEST
    assert not cut or len(rest) >= SMALLEST
