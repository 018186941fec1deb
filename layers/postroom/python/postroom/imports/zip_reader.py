"""Reads mail from a zip archive: one of ours, with its manifest, or any tree of .eml and .ics files.

The archive is read twice: first every record, header and content is checked, then the messages are yielded. So an
archive that is damaged or made to do harm is refused before anything is yielded. Nothing is ever written to a file of
an entry's name, and no entry becomes larger than a message.
"""

from __future__ import annotations

from itertools import chain, pairwise
from typing import TYPE_CHECKING, BinaryIO, Final

from postroom.contracts.export_manifest import MANIFEST
from postroom.errors import InvalidArchiveError
from postroom.imports.manifest_table import ManifestTable
from postroom.imports.places import wrapper_of
from postroom.imports.tree import OTHER, TOO_LARGE, Kind, Tree, kind_of
from postroom.imports.zip_content import chunks, content, data_start
from postroom.imports.zip_directory import find_directory, records
from postroom.imports.zip_entries import Catalog, entry_of, require_known_method
from postroom.model.limits import MAX_STORED_BYTES, MB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.imports.incoming import Found
    from postroom.imports.zip_directory import Directory
    from postroom.imports.zip_entries import Entry

MAX_PACKED_BYTES: Final = MAX_STORED_BYTES + MB
"""Most bytes of a message's data in the archive: Deflate adds little to what does not shrink. Ours."""

_MANIFEST_BASE_BYTES: Final = 16 * MB
_MANIFEST_ENTRY_BYTES: Final = 8 * 1024
"""Largest manifest: so much, and so much for each entry. Ours."""


def read_zip(file: BinaryIO) -> Iterator[Found]:
    """Yield what an archive holds: folders first, then messages in the order of their data.

    Args:
        file: can be sought, and returns as many bytes as are asked for; its position is changed.

    Raises:
        InvalidArchiveError: the archive is damaged, made to do harm, or of a form that is not read; nothing was
            yielded, unless the file was changed while it was read.
    """
    with Catalog() as catalog, ManifestTable() as manifest:
        directory = find_directory(file)
        for record in records(file, directory):
            catalog.add(entry_of(record))
        catalog.require_harmless(directory.start + directory.size)
        tree = Tree(wrapper_of(catalog.paths), manifest)
        for entry, end in _spans(catalog, directory):
            _check(file, entry, end, is_manifest=tree.is_manifest(entry.path))
        tree = _with_manifest(file, catalog, directory, tree)
        yield from tree.folders()
        for path in catalog.paths():
            if path.endswith("/"):
                yield from tree.folder(path)
        for entry, end in _spans(catalog, directory):
            yield from _found(file, entry, end, tree)
        yield from tree.missing()


def _spans(catalog: Catalog, directory: Directory) -> Iterator[tuple[Entry, int]]:
    """Yield each entry, with the place where the next begins, or the central directory."""
    for entry, following in pairwise(chain(catalog.entries(), (None,))):
        if entry:
            yield entry, following.offset if following else directory.start


def _is_read(entry: Entry) -> bool:
    return kind_of(entry.path) is not Kind.OTHER and not entry.is_folder and _fits(entry)


def _fits(entry: Entry) -> bool:
    return entry.size <= MAX_STORED_BYTES and entry.packed <= MAX_PACKED_BYTES


def _check(file: BinaryIO, entry: Entry, end: int, *, is_manifest: bool) -> None:
    """Check an entry; the content of what is never read is not."""
    if _is_read(entry):
        require_known_method(entry)
        content(file, entry, end)
    elif is_manifest:
        require_known_method(entry)
        for _ in chunks(file, entry, end):
            pass
    else:
        data_start(file, entry, end)


def _with_manifest(file: BinaryIO, catalog: Catalog, directory: Directory, tree: Tree) -> Tree:
    """Return the tree with what its manifest says, if it has one."""
    entry = catalog.find(tree.wrapper + MANIFEST)
    if entry is None or tree.manifest is None:
        return Tree(tree.wrapper, None)
    if entry.size > _MANIFEST_BASE_BYTES + _MANIFEST_ENTRY_BYTES * directory.count:
        raise InvalidArchiveError("the manifest is too large")
    is_ours = tree.manifest.load(chunks(file, entry, catalog.end_of(entry) or directory.start))
    return tree if is_ours else Tree(tree.wrapper, None)


def _found(file: BinaryIO, entry: Entry, end: int, tree: Tree) -> Iterator[Found]:
    if entry.is_folder or tree.is_manifest(entry.path):
        return
    if _is_read(entry):
        yield tree.incoming(entry.path, content(file, entry, end))
    else:
        yield tree.skipped(entry.path, OTHER if kind_of(entry.path) is Kind.OTHER else TOO_LARGE)
