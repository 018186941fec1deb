"""An archive as our export writes it, in one run, with its manifest."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from postroom.contracts.export_manifest import ManifestFolder, ManifestHead, ManifestItem
from postroom.export.archive import Entry, RunWriter, directory
from postroom.export.manifest import END, add_manifest, piece_of
from postroom.export.names import ArchiveNames
from postroom.model.mailbox import standard_folders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.contracts.export_manifest import ManifestLine
    from postroom.model.mailbox import FolderInfo

RECEIVED = 1_796_068_171_250


def exported(contents: Sequence[bytes], folder: str = "INBOX", more: Sequence[FolderInfo] = ()) -> bytes:
    """Return an archive with all contents in one folder; ``more`` are the folders beside the standard ones."""
    folders = [*standard_folders(RECEIVED), *more]
    names = ArchiveNames(folders)
    writer, archive = RunWriter(), b""
    lines: list[ManifestLine] = [ManifestHead()]
    for each in folders:
        standard = each.id if each not in more else None
        path, true = names.folder(each.id), tuple(names.true_names(each.id))
        lines.append(ManifestFolder(path=path, folder=true, standard=standard, folder_class=each.folder_class))
        archive += b"".join(writer.add(Entry(f"{path}/", RECEIVED), b""))
    for uid, content in enumerate(contents, 1):
        path = names.item(folder, received_ms=RECEIVED, uid=uid, suffix="eml")
        archive += b"".join(writer.add(Entry(path, RECEIVED), content))
        lines.append(
            ManifestItem(
                path=path,
                folder=tuple(names.true_names(folder)),
                size=len(content),
                received=RECEIVED + uid,
                sha256=hashlib.sha256(content).hexdigest(),
                read=bool(uid % 2),
                flags=("\\Flagged",),
                keywords=("$Work",),
                categories=("Blue",),
            )
        )
    piece = piece_of(lines)
    archive += add_manifest(writer, [piece.sums], RECEIVED) + piece.data + END
    return archive + b"".join(directory([writer.index()]))
