"""Reads a directory of .eml, .ics and .mbox files, and of folders with them; also an export that was unpacked.

Links are not followed. The names of one folder are in memory at a time.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.contracts.export_manifest import MANIFEST
from postroom.imports.incoming import Skipped
from postroom.imports.manifest_table import ManifestTable
from postroom.imports.mbox import check_mbox, read_mbox
from postroom.imports.own_mbox import MBOX, OwnMbox
from postroom.imports.places import MAX_DEPTH, place_of, wrapper_of
from postroom.imports.tree import OTHER, TOO_LARGE, Kind, Tree, kind_of
from postroom.model.limits import MAX_STORED_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from postroom.imports.incoming import Found
    from postroom.imports.mbox import Variant

_PIECE_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file of at most the size of a message; ``modified`` in milliseconds since the epoch."""

    label: str
    content: bytes
    modified: int


def read_directory(root: Path, variant: Variant | None = None) -> Iterator[Found]:
    """Yield the folders, messages and calendar files of a directory.

    Args:
        variant: of all mbox files in it; those of an export of ours are known.

    Raises:
        InvalidArchiveError: the manifest or an mbox file is damaged, or the variant must be declared. Nothing was
            yielded.
    """
    with ManifestTable() as manifest:
        wrapper = wrapper_of(lambda: (path for path, _ in _walk(root)))
        tree = Tree(wrapper, manifest if _load(manifest, root / wrapper / MANIFEST) else None)
        _check_mboxes(root, tree, variant)
        yield from tree.folders()
        for path, at in _walk(root):
            if path.endswith("/"):
                yield from tree.folder(path)
            elif not tree.is_manifest(path):
                yield from _found(path, at, tree, variant)
        yield from tree.missing()


def entries_of(at: Path) -> Sequence[Path]:
    """Return what is in a directory, in order of names; nothing if it is a link or no directory."""
    if at.is_symlink() or not at.is_dir():
        return ()
    return sorted(at.iterdir())


def label_of(path: Path, root: Path) -> str:
    """Return a path below a root; bytes that are no UTF-8 are replaced."""
    return path.relative_to(root).as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def read_file(path: Path, label: str) -> ReadFile | Skipped:
    """Read a file that is no link and not too large."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return Skipped(label, "a link" if stat.S_ISLNK(status.st_mode) else "no file")
        if status.st_size > MAX_STORED_BYTES:
            return Skipped(label, TOO_LARGE)
        with path.open("rb") as file:
            content = file.read(MAX_STORED_BYTES + 1)
    except OSError as error:
        return Skipped(label, f"it could not be read: {error.strerror}")
    if len(content) > MAX_STORED_BYTES:
        return Skipped(label, TOO_LARGE)
    return ReadFile(label, content, status.st_mtime_ns // 1_000_000)


def _walk(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield what is below a root, a folder (with ``/`` at the end of its path) before what is in it."""
    waiting = [(root, 0)]
    while waiting:
        folder, depth = waiting.pop()
        if folder != root:
            yield f"{label_of(folder, root)}/", folder
        below = []
        for each in entries_of(folder):
            if each.is_dir() and not each.is_symlink() and depth < MAX_DEPTH:
                below.append((each, depth + 1))
            else:
                yield label_of(each, root), each
        waiting.extend(reversed(below))


def _found(path: str, at: Path, tree: Tree, variant: Variant | None) -> Iterator[Found]:
    if at.is_symlink() or not at.is_file():
        yield tree.skipped(path, "a link" if at.is_symlink() else "no file")
    elif path.lower().endswith(MBOX):
        own = OwnMbox(tree, path)
        with at.open("rb") as file:
            place = place_of(path[: -len(MBOX)].split("/"))
            yield from own.described(read_mbox(file, place, path, variant or own.variant))
    elif kind_of(path) is Kind.OTHER:
        yield tree.skipped(path, OTHER)
    else:
        found = read_file(at, path)
        if isinstance(found, Skipped):
            yield tree.skipped(path, found.why)
        else:
            yield tree.incoming(path, found.content, modified=found.modified)


def _check_mboxes(root: Path, tree: Tree, variant: Variant | None) -> None:
    """Refuse a directory with an mbox file that is refused."""
    for path, at in _walk(root):
        if path.lower().endswith(MBOX) and at.is_file() and not at.is_symlink():
            with at.open("rb") as file:
                check_mbox(file, path, variant or OwnMbox(tree, path).variant)


def _load(manifest: ManifestTable, path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return manifest.load(iter(lambda: file.read(_PIECE_BYTES), b""))
