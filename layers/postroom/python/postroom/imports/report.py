"""What became of an import: per folder of the source, and per item that is not in the mailbox as it was read."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

MAX_PROBLEMS: Final = 10_000
"""Most problems that a report names; further ones are counted. Ours."""


class What(StrEnum):
    """Kind of a problem.

    SKIPPED: the source has something that is no mail. REFUSED: an item cannot enter the mailbox. CHANGED: an item
    entered, but its bytes are not those that the source's own manifest names. OLDER: the calendar has a newer version
    of an event. DIFFERS: the mailbox does not give back the bytes that were read.
    """

    SKIPPED = "skipped"
    REFUSED = "refused"
    CHANGED = "changed"
    OLDER = "older"
    DIFFERS = "differs"


class Problem(NamedTuple):
    """``folder`` and ``source`` are for people; ``why`` quotes nothing of the item's content."""

    what: What
    folder: str
    source: str
    why: str


@dataclass(slots=True)
class Tally:
    """Numbers of items and bytes of one folder of the source.

    Attributes:
        read: in the source.
        added: entered the mailbox.
        known: were there before, from the same source or another.
        refused: cannot enter.
        found: of the items that were added or known, those that the mailbox gave back unchanged.
        differing: and those that it did not.
    """

    read: int = 0
    read_bytes: int = 0
    added: int = 0
    added_bytes: int = 0
    known: int = 0
    refused: int = 0
    found: int = 0
    found_bytes: int = 0
    differing: int = 0


@dataclass(slots=True)
class Report:
    """An import so far; ``new_folders`` were made, or would be."""

    folders: dict[str, Tally] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    more_problems: int = 0
    new_folders: int = 0
    skipped: int = 0

    def folder(self, path: str) -> Tally:
        """Return the tally of a folder."""
        return self.folders.setdefault(path, Tally())

    def problem(self, what: What, folder: str, source: str, why: str) -> None:
        """Add a problem, and count it."""
        match what:
            case What.SKIPPED:
                self.skipped += 1
            case What.REFUSED:
                self.folder(folder).refused += 1
            case What.DIFFERS | What.CHANGED:
                self.folder(folder).differing += 1
            case What.OLDER:
                self.folder(folder).known += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(what, folder, source, why))
        else:
            self.more_problems += 1

    def total(self) -> Tally:
        """Return the sums of all folders."""
        sums = Tally()
        for tally in self.folders.values():
            for name in Tally.__slots__:
                setattr(sums, name, getattr(sums, name) + getattr(tally, name))
        return sums
