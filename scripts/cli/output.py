"""What commands print: one JSON array for programs, tables for people, one line on stderr for a refusal.

The text of messages is not trusted: controls of a terminal and bidirectional controls are never printed. JSON has them
as escapes, so that programs read the exact text.

rich is imported only for output to people.
"""

from __future__ import annotations

import codecs
import json
import re
import shutil
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from unicodedata import combining, east_asian_width

from postroom.model.text import one_line, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import Console
    from rich.table import Table

PIPE_WIDTH: Final = 200
"""Columns of a table that goes into a pipe or a file, which have no width."""

TEXT_WIDTH: Final = 80
LEAST_TEXT_WIDTH: Final = 20
"""Most and fewest columns of a terminal that a text of a message takes in a table. Ours."""


_NOT_PRINTED: Final = re.compile(
    r"[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
    r"|[\U000e0000-\U000e007f]"
)
"""Characters that are escaped in JSON beside those that JSON requires: controls, invisible marks, half surrogates."""


def console(*, errors: bool = False) -> Console:
    """Return a console for people: stdout, or stderr for progress and refusals."""
    from cli.terminal import SafeConsole

    stream = sys.stderr if errors else sys.stdout
    width = shutil.get_terminal_size().columns if stream.isatty() else PIPE_WIDTH
    return SafeConsole(file=stream, width=width, highlight=False, soft_wrap=False)


def print_json(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print one JSON array, UTF-8, an element per line, as the rows come.

    An error of ``rows`` ends the array, too, if it has begun.
    """
    has_begun = False
    try:
        for row in rows:
            sys.stdout.write((",\n" if has_begun else "[\n") + json_line(row))
            has_begun = True
        if not has_begun:
            sys.stdout.write("[]\n")
    finally:
        if has_begun:
            sys.stdout.write("\n]\n")


def json_line(row: Mapping[str, Any]) -> str:
    """Return one object on one line, in UTF-8; controls and invisible marks are escaped."""
    return _NOT_PRINTED.sub(lambda mark: json.dumps(mark[0])[1:-1], json.dumps(row, ensure_ascii=False))


def write_content(pieces: Iterable[bytes]) -> None:
    """Write a message to stdout: its exact bytes, or to a terminal its text without controls."""
    if not sys.stdout.isatty():
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for piece in pieces:
        sys.stdout.write(visible(decoder.decode(piece).replace("\r", "")))
    sys.stdout.write(visible(decoder.decode(b"", final=True)))


def refusal(text: str) -> str:
    """Return the refusal for stderr; quoted text of messages is shown without controls."""
    return f"postroom: {visible(text)}"


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "", right: Sequence[str] = ()
) -> Table:
    """Return a table; cells are shown as they are, never read as markup.

    Args:
        right: columns that hold numbers.
    """
    from rich.table import Table
    from rich.text import Text

    made = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(visible(str(cell))) for cell in row))
    return made


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[str] = (),
    texts: Sequence[str] = (),
    with_ids: bool = False,
) -> None:
    """Print a table: formatted by rich on a terminal; in plain columns, one row per line, in a pipe or file.

    Args:
        right: columns that hold numbers.
        texts: columns that hold texts of messages; they are cut to the width of the terminal, or to ``TEXT_WIDTH``.
        with_ids: whether a column has ids, which are copied: each row is one line on a terminal, too.
    """
    if sys.stdout.isatty() and not with_ids:
        console().print(table(columns, rows, right=right))
        return
    lines = [list(columns), *([one_line(visible(str(cell))) for cell in row] for row in rows)]
    lines = _with_cut(lines, [columns.index(name) for name in texts])
    widths = [max(map(_cells, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (
            " " * (width - _cells(text)) + text if name in right else text + " " * (width - _cells(text))
            for name, text, width in zip(columns, line, widths, strict=True)
        )
        print("  ".join(padded).rstrip())


def _with_cut(lines: list[list[str]], texts: Sequence[int]) -> list[list[str]]:
    """Return lines in which the columns of texts, given by number, are no wider than there is room.

    A column that needs less than its share leaves the rest to the others.
    """
    widths = [max(map(_cells, column)) for column in zip(*lines, strict=True)]
    room = len(texts) * TEXT_WIDTH
    if sys.stdout.isatty():
        others = sum(width for at, width in enumerate(widths) if at not in texts) + 2 * (len(widths) - 1)
        room = shutil.get_terminal_size().columns - others
    most = dict.fromkeys(range(len(widths)), sys.maxsize)
    for done, at in enumerate(sorted(texts, key=widths.__getitem__)):
        most[at] = max(LEAST_TEXT_WIDTH, min(TEXT_WIDTH, room // (len(texts) - done)))
        room -= min(most[at], widths[at])
    return [[_cut(cell, most[at]) for at, cell in enumerate(line)] for line in lines]


def _cut(text: str, most: int) -> str:
    """Return a text in at most so many columns of a terminal; one that is cut ends with an ellipsis."""
    if _cells(text) <= most:
        return text
    kept = text[: most - 1]
    while _cells(kept) > most - 1:
        kept = kept[:-1]
    return f"{kept}…"


def _cells(text: str) -> int:
    """Return how many columns a terminal gives to a text."""
    return sum(2 if east_asian_width(each) in "WF" else 0 if combining(each) else 1 for each in text)


def rfc3339(at_ms: int) -> str:
    """Return milliseconds since the epoch as RFC 3339 in UTC, with milliseconds."""
    text = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def short_time(at_ms: int) -> str:
    """Return milliseconds since the epoch in local time, to the second."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def duration(milliseconds: int) -> str:
    """Return a duration as text: ``1.487 s``, ``4 min 05 s``, ``4 h 00 min``, ``2 d 03 h``."""
    seconds = milliseconds // 1000
    if seconds < 60:
        return f"{milliseconds / 1000:.3f} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02} s"
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes:02} min" if hours < 24 else f"{hours // 24} d {hours % 24:02} h"


def human_size(size: int) -> str:
    """Return a number of bytes as text: ``815 B``, ``1.2 KB``, ``40.0 MB`` (1 KB is 1,024 bytes)."""
    if size < 1024:
        return f"{size} B"
    value = float(size)
    for unit in ("KB", "MB", "GB"):
        value /= 1024
        if value < 1024 or unit == "GB":
            break
    return f"{value:.1f} {unit}"
