"""Runs that are written apart from each other are one archive, for Python's zipfile as for every other reader."""

from __future__ import annotations

import io
import zipfile

from hypothesis import given
from hypothesis import strategies as st

from postroom.export.archive import Entry, RunIndex, RunWriter, directory, write_run

CONTENTS = st.binary(max_size=200) | st.builds(
    lambda part, times: part * times, st.binary(max_size=20), st.integers(0, 500)
)
RUNS = st.lists(st.lists(CONTENTS, max_size=5), max_size=4)


@given(RUNS, st.booleans())
def test_runs_are_one_archive_with_every_content(runs: list[list[bytes]], store: bool) -> None:
    archive, indexes, expected = b"", [], {}
    for number, contents in enumerate(runs):
        writer = RunWriter(store=store)
        entries = [
            (Entry(f"Ordner {number}/{place}é.eml", 1_795_521_600_000), each) for place, each in enumerate(contents)
        ]
        archive += b"".join(write_run(entries, writer))
        indexes.append(RunIndex.load(writer.index().dump()))
        expected.update({entry.name: content for entry, content in entries})
    archive += b"".join(directory(indexes))
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == expected
