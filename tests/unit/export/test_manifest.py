"""The manifest: pieces that are deflated apart are one entry; lines come back as they were written."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from postroom.contracts.export_manifest import (
    MANIFEST,
    ManifestFolder,
    ManifestHead,
    ManifestItem,
    ManifestLine,
    MissingItem,
    read_line,
    write_line,
)
from postroom.export.archive import RunWriter, directory
from postroom.export.manifest import END, Piece, add_manifest, piece_of
from tests.unit.template.conftest import ROOT

SCHEMA = Draft202012Validator(
    json.loads((ROOT / "schemas/export-manifest.schema.json").read_text("utf-8")), format_checker=FormatChecker()
)
ITEM = ManifestItem(
    kind="item",
    path="Inbox/20261130T194931Z-17.eml",
    folder=("Inbox",),
    size=25_600,
    received=1_796_068_171_250,
    sha256="5f" * 32,
    read=True,
    flags=("\\Flagged",),
)
NAMES = st.text(max_size=20)
FOLDERS = st.lists(NAMES, max_size=3).map(tuple)
SIZES = st.integers(0, 1 << 40)
MOMENTS = st.integers(-62_135_596_800_000, 253_402_300_799_999)
LINES: st.SearchStrategy[ManifestLine] = st.one_of(
    st.builds(ManifestHead),
    st.builds(ManifestFolder, path=NAMES, folder=FOLDERS, standard=st.none() | NAMES),
    st.builds(
        ManifestItem,
        kind=st.just("item"),
        path=NAMES,
        folder=FOLDERS,
        size=SIZES,
        sha256=st.just("0" * 64),
        received=MOMENTS,
    ),
    st.builds(
        MissingItem, kind=st.just("missing"), path=NAMES, folder=FOLDERS, size=SIZES, received=MOMENTS, cause=NAMES
    ),
)


@given(st.lists(st.lists(LINES, max_size=6), max_size=5))
def test_pieces_are_one_entry_with_all_lines(runs: list[list[ManifestLine]]) -> None:
    pieces = [Piece.load(piece_of(lines).dump()) for lines in runs]
    writer = RunWriter()
    header = add_manifest(writer, (piece.sums for piece in pieces), ITEM.received)
    data = b"".join(piece.data for piece in pieces) + END
    archive = b"".join([header, data, *directory([writer.index()])])
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.testzip() is None
        lines = opened.read(MANIFEST).splitlines(keepends=True)
    assert lines == [write_line(line) for run in runs for line in run]
    assert [read_line(line) for line in lines] == [line for run in runs for line in run]


def test_a_line_is_as_the_contract_shows_it() -> None:
    assert json.loads(write_line(ITEM)) == {
        "kind": "item",
        "path": "Inbox/20261130T194931Z-17.eml",
        "folder": ["Inbox"],
        "sha256": "5f" * 32,
        "size": 25_600,
        "received": "2026-11-30T19:49:31.250Z",
        "item_class": "IPM.Note",
        "read": True,
        "flags": ["\\Flagged"],
        "keywords": [],
        "categories": [],
    }


@given(LINES)
def test_the_published_schema_takes_every_line(line: ManifestLine) -> None:
    SCHEMA.validate(json.loads(write_line(line)))


@pytest.mark.parametrize("member", ["kind", "path", "folder", "sha256", "size", "received"])
def test_the_published_schema_refuses_a_line_that_lacks_something(member: str) -> None:
    line = json.loads(write_line(ITEM))
    del line[member]
    assert not SCHEMA.is_valid(line)


@pytest.mark.parametrize("change", [{"kind": "tag"}, {"kind": "item", "later": 1}])
def test_kinds_and_members_of_a_later_version_are_ignored(change: dict[str, object]) -> None:
    line = json.dumps({**json.loads(write_line(ITEM)), **change}).encode()
    assert read_line(line) == (None if change["kind"] == "tag" else ITEM)


@pytest.mark.parametrize(
    "change",
    [
        {"path": 1},
        {"size": -1},
        {"sha256": "5F" * 32},
        {"sha256": "5f" * 31},
        {"received": "2026-11-30T19:49:31"},
        {"received": "yesterday"},
        {"received": 253_402_300_800_000},
        {"received": "9999-12-31T23:59:59.999-00:01"},
        {"folder": "Inbox"},
    ],
)
def test_a_line_of_another_form_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        read_line(json.dumps({**json.loads(write_line(ITEM)), **change}).encode())


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"1", b'"kind"', b"\xff\xfe", b'{"kind":"item"}', b"[" * 100_000]
)
def test_what_is_no_line_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="validation error"):
        read_line(content)


@given(st.binary(max_size=60))
def test_bytes_that_are_no_piece_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="not a piece"):
        Piece.load(content)
