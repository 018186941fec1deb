"""What is written by the export is found by the import: folders, names, dates and flags, in runs or not."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace

from postroom.contracts.export_manifest import ManifestFolder, ManifestHead, ManifestItem, ManifestLine, MissingItem
from postroom.export.archive import Entry, RunWriter, directory
from postroom.export.manifest import END, Piece, add_manifest, piece_of
from postroom.export.names import ArchiveNames
from postroom.imports.incoming import Incoming, IncomingFolder, Place, Skipped
from postroom.imports.zip_reader import read_zip
from postroom.model.folders import Folder
from postroom.model.mailbox import FolderInfo, standard_folders

RECEIVED = 1_796_068_171_250
HARD_NAME = "Q3/Q4: 😀 " + "long " * 30
MESSAGES = {"INBOX": b"Subject: one\r\n\r\n" * 50, "f-1": b"", "f-2": b"Subject: two\r\n\r\n"}


def folders() -> list[FolderInfo]:
    inbox, *others = standard_folders(0)
    made = (("f-1", HARD_NAME, "INBOX"), ("f-2", "Inbox", None))
    return [inbox, *others, *(replace(inbox, id=key, name=name, parent=parent) for key, name, parent in made)]


def archive() -> io.BytesIO:
    names, file = ArchiveNames(folders()), io.BytesIO()
    indexes = []
    pieces: list[Piece] = [piece_of([ManifestHead(), *(_folder_line(names, each.id) for each in folders())])]
    for uid, (folder, content) in enumerate(MESSAGES.items(), 1):
        writer, path = RunWriter(), names.item(folder, received_ms=RECEIVED + uid, uid=uid, suffix="eml")
        file.writelines(writer.add(Entry(path, RECEIVED + uid), content))
        indexes.append(writer.index())
        line = {"path": path, "folder": names.true_names(folder), "size": len(content), "received": RECEIVED + uid}
        found: ManifestLine = ManifestItem.model_validate(
            {**line, "kind": "item", "sha256": hashlib.sha256(content).hexdigest(), "read": uid == 1}
            | {"flags": ["\\Flagged"], "keywords": ["$Label1"], "categories": ["Grün"]}
        )
        pieces.append(piece_of([found]))
    lost = names.item("INBOX", received_ms=RECEIVED, uid=9, suffix="eml")
    missing = MissingItem(
        kind="missing", path=lost, folder=("Inbox",), size=9, received=RECEIVED, cause="it was removed"
    )
    pieces.append(piece_of([missing]))
    last = RunWriter()
    file.write(add_manifest(last, [each.sums for each in pieces], RECEIVED))
    file.writelines([*(each.data for each in pieces), END, *directory([*indexes, last.index()])])
    file.seek(0)
    return file


def _folder_line(names: ArchiveNames, folder: str) -> ManifestFolder:
    standard = folder if folder in set(Folder) else None
    return ManifestFolder(path=names.folder(folder), folder=tuple(names.true_names(folder)), standard=standard)


def test_an_import_finds_what_the_export_wrote() -> None:
    found = list(read_zip(archive()))
    below = Place(Folder.INBOX, (HARD_NAME,))
    assert {each.place for each in found if isinstance(each, IncomingFolder)} == {
        *(Place(each) for each in Folder),
        below,
        Place(None, ("Inbox",)),
    }
    items = {each.place: each for each in found if isinstance(each, Incoming)}
    assert {place: each.content for place, each in items.items()} == {
        Place(Folder.INBOX): MESSAGES["INBOX"],
        below: MESSAGES["f-1"],
        Place(None, ("Inbox",)): MESSAGES["f-2"],
    }
    assert [(each.received, each.read) for each in items.values()] == [
        (RECEIVED + 1, True),
        (RECEIVED + 2, False),
        (RECEIVED + 3, False),
    ]
    assert {(each.flags, each.keywords, each.categories) for each in items.values()} == {
        (("\\Flagged",), ("$Label1",), ("Grün",))
    }
    assert all(each.sha256 == hashlib.sha256(each.content).hexdigest() for each in items.values())
    assert [each.why for each in found if isinstance(each, Skipped)]
