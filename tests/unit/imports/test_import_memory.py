"""Readers hold one message at a time, whatever the source holds."""

from __future__ import annotations

import io
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from postroom.imports.incoming import Incoming, Place
from postroom.imports.mbox import Variant, read_mbox
from postroom.imports.zip_reader import read_zip
from postroom.model.folders import Folder
from tests.support.archives import Part, archive
from tests.support.exported import exported
from tests.support.mbox_files import mboxcl2, mboxrd

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.imports.incoming import Found

SIZE = 2 << 20
MESSAGES = [b"%d" % number + b"-" * (SIZE - 2) + b"\n" for number in range(10)]
INBOX = Place(Folder.INBOX)
SOURCES = {
    "zip": lambda: read_zip(io.BytesIO(archive(*(Part(b"%d.eml" % n, each) for n, each in enumerate(MESSAGES))))),
    "stored": lambda: read_zip(io.BytesIO(archive(*(Part(each[:1] + b".eml", each, 0) for each in MESSAGES)))),
    "export": lambda: read_zip(io.BytesIO(exported(MESSAGES))),
    "mboxrd": lambda: read_mbox(io.BytesIO(mboxrd(MESSAGES)), INBOX, "x", Variant.MBOXRD),
    "mboxcl2": lambda: read_mbox(io.BytesIO(mboxcl2(MESSAGES)), INBOX, "x", Variant.MBOXCL2),
}


def messages_of(source: Iterable[Found]) -> int:
    return sum(isinstance(each, Incoming) for each in source)


@pytest.mark.parametrize("name", SOURCES)
def test_memory_is_that_of_one_message(name: str) -> None:
    source = SOURCES[name]()  # the bytes of the source are not counted
    tracemalloc.start()
    try:
        assert messages_of(source) == len(MESSAGES)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * SIZE
