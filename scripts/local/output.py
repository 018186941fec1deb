"""What commands print: one JSON array for programs, tables for people, one line on stderr for a refusal."""

from __future__ import annotations

import json
import shutil
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PIPE_WIDTH: Final = 200
"""Columns of a table that goes into a pipe or a file, where no terminal says how wide it is."""


def console(*, errors: bool = False) -> Console:
    """Return where people read: stdout, or stderr for progress and refusals."""
    stream = sys.stderr if errors else sys.stdout
    width = shutil.get_terminal_size().columns if stream.isatty() else PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, soft_wrap=False)


def print_json(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print one JSON array, UTF-8, an element each line."""
    lines = [json_line(row) for row in rows]
    sys.stdout.write("[\n" + ",\n".join(lines) + "\n]\n" if lines else "[]\n")


def json_line(row: Mapping[str, Any]) -> str:
    """Return one object on one line; what UTF-8 cannot hold is escaped."""
    try:
        text = json.dumps(row, ensure_ascii=False)
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = json.dumps(row)
    return text


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "", right: Sequence[str] = ()
) -> Table:
    """Return a table; cells are shown as they are, never read as markup.

    Args:
        right: columns that hold numbers.
    """
    made = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    return made


def rfc3339(milliseconds: int) -> str:
    """Return milliseconds since the epoch as RFC 3339 in UTC, with milliseconds."""
    text = datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def short_time(milliseconds: int) -> str:
    """Return milliseconds since the epoch as people read them: local time, to the second."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def human_size(size: int) -> str:
    """Return bytes as people read them: ``815 B``, ``1.2 KB``, ``40.0 MB`` (1 KB is 1,024 bytes)."""
    if size < 1024:
        return f"{size} B"
    value = float(size)
    for unit in ("KB", "MB", "GB"):
        value /= 1024
        if value < 1024 or unit == "GB":
            break
    return f"{value:.1f} {unit}"
