"""Sealed mail opens in its place, unchanged, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.errors import UnreadableMailError
from postroom.model.limits import MAX_MESSAGE_BYTES
from postroom.sealing import FRAME_BYTES, open_entry, open_message, seal_entry, seal_message

KEY, OTHER = b"k" * 32, b"o" * 32
TAG = 16


def opened(sealed: bytes, key: bytes = KEY, place: str = "p") -> bytes:
    return b"".join(open_message(sealed, mailbox_key=key, place=place))


@pytest.mark.parametrize(
    "size", [0, 1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 2 * FRAME_BYTES, MAX_MESSAGE_BYTES]
)
def test_every_size_comes_back(size: int) -> None:
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    assert opened(seal_message(content, mailbox_key=KEY, place="p")) == content


@given(st.binary(max_size=300), st.data())
def test_a_changed_byte_does_not_open(content: bytes, data: st.DataObject) -> None:
    sealed = bytearray(seal_message(content, mailbox_key=KEY, place="p"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(UnreadableMailError):
        opened(bytes(sealed))


@given(st.binary(max_size=300), st.data())
def test_a_cut_or_longer_object_does_not_open(content: bytes, data: st.DataObject) -> None:
    sealed = seal_message(content, mailbox_key=KEY, place="p")
    with pytest.raises(UnreadableMailError):
        opened(sealed[: data.draw(st.integers(0, len(sealed) - 1))])
    with pytest.raises(UnreadableMailError):
        opened(sealed + b"\0")


def test_frames_are_neither_dropped_nor_reordered() -> None:
    sealed = seal_message(b"a" * FRAME_BYTES + b"b" * FRAME_BYTES, mailbox_key=KEY, place="p")
    step = FRAME_BYTES + TAG
    head, first, second = sealed[: -2 * step], sealed[-2 * step : -step], sealed[-step:]
    assert opened(head + first + second)
    for forged in (head + second + first, head + first, head + second, head, head + first + second + second):
        with pytest.raises(UnreadableMailError):
            opened(forged)


def test_another_mailbox_or_place_does_not_open() -> None:
    sealed = seal_message(b"x", mailbox_key=KEY, place="p")
    entry = seal_entry(b"x", mailbox_key=KEY, place="p")
    for key, place in ((OTHER, "p"), (KEY, "q")):
        with pytest.raises(UnreadableMailError):
            opened(sealed, key, place)
        with pytest.raises(UnreadableMailError):
            open_entry(entry, mailbox_key=key, place=place)


@given(st.binary(max_size=100))
def test_any_bytes_are_refused_and_never_crash(junk: bytes) -> None:
    with pytest.raises(UnreadableMailError):
        opened(junk)
    with pytest.raises(UnreadableMailError):
        open_entry(junk, mailbox_key=KEY, place="p")
