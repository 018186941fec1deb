"""What the stations of an export leave for each other in the mail bucket.

    exports/<organization>/<job>/<attempt>/plan/head          PlanHead, and the manifest's first piece
                                          /plan/<run>         RunHead, and a line per item
                                          /<round>/<run>      PackedHead, the run's index, and its piece of the manifest
                                          /<round>/<run>/<n>-<hash>   bytes of the archive: those of the run's part n
                                          /complete           Completion

An attempt at a plan is named by its upload. All but the last are sealed under the mailbox's key, each bound to its own
key. An object begins with a line of JSON, which has its form's number; what follows has its own form.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from pydantic import Field

from postroom.contracts.base import Kept
from postroom.errors import NewerFormError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


FORM: Final = 1
"""The form of staged objects that this version writes, and the newest that it reads."""


class StagedHead(Kept):
    """What the first line of every staged object has."""

    version: int = Field(default=FORM, ge=1)

    @classmethod
    def read(cls, line: bytes) -> Self:
        """Read a first line.

        Raises:
            NewerFormError: only a newer version reads it.
        """
        head = cls.model_validate_json(line)
        if head.version > FORM:
            raise NewerFormError(f"a staged object of form {head.version}; this version reads up to {FORM}")
        return head


class PlannedItem(Kept):
    """An item of a mailbox by reference.

    Attributes:
        blob: key of its sealed object.
        received: milliseconds since the epoch.
        path: in the archive.
        folder: id of its folder, and ``uid`` its UID there.
    """

    blob: str
    size: int = Field(ge=0)
    received: int
    path: str
    folder: str
    uid: int = 0
    item_class: str
    read: bool
    flags: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


class PlanHead(StagedHead):
    """Of a whole plan.

    Attributes:
        tail_part: number of the first part that no run has.
        part_bytes: of a part that is not the last of its run.
        folders: paths of all folders in the archive.
    """

    tail_part: int = Field(ge=1)
    part_bytes: int = Field(ge=1)
    folders: tuple[str, ...] = ()


class RunHead(StagedHead):
    """Of one run: number of its first part, and true names of its items' folders, from the top, by folder id."""

    first_part: int = Field(ge=1)
    part_bytes: int = Field(ge=1)
    folders: dict[str, tuple[str, ...]]


class PackedHead(StagedHead):
    """Of a run that is packed.

    Attributes:
        parts: entity tags of its parts, from ``first_part`` on; none where the run is too short for a part.
        staged: last parts of the keys of its bytes, in their order.
        items: number of items in the archive, and ``size`` their bytes.
        missing: number of items that could not be read.
        index_bytes: of the index; the rest is the piece of the manifest.
    """

    first_part: int = Field(ge=1)
    parts: tuple[str, ...]
    staged: tuple[str, ...]
    items: int = Field(ge=0)
    size: int = Field(ge=0)
    missing: int = Field(ge=0)
    index_bytes: int = Field(ge=0)


class Completion(StagedHead):
    """How an upload is completed: number and entity tag of each part, and the text of the log."""

    parts: tuple[tuple[int, str], ...]
    log: str


@dataclass(frozen=True, slots=True)
class StagedKeys:
    """Keys of one attempt's objects; ``of`` is that of everything that a job has staged."""

    folder: str

    @staticmethod
    def of(organization_id: str, job_id: str) -> str:
        """Return the prefix of everything that a job stages."""
        return f"{of_organization(organization_id)}{job_id}/"

    @classmethod
    def under(cls, organization_id: str, job_id: str, upload_id: str) -> Self:
        """Return the keys of the attempt with an upload."""
        return cls(f"{cls.of(organization_id, job_id)}{hashlib.sha256(upload_id.encode()).hexdigest()[:16]}")

    @property
    def head(self) -> str:
        """Of the plan."""
        return f"{self.folder}/plan/head"

    @property
    def completion(self) -> str:
        """Of how the upload is completed."""
        return f"{self.folder}/complete"

    def plan(self, run: int) -> str:
        """Return the key of a run's plan."""
        return f"{self.folder}/plan/{run}"

    def packed(self, run: int, round_: int) -> str:
        """Return the key of a run that is packed."""
        return f"{self.folder}/{round_}/{run}"


def of_organization(organization_id: str) -> str:
    """Return the prefix of everything that exports of an organization stage."""
    return f"exports/{organization_id}/"


def with_head(head: Kept, *rest: bytes) -> bytes:
    """Return the bytes of a form: its head, then the rest."""
    return b"".join([head.model_dump_json().encode(), b"\n", *rest])


def split_head(content: bytes) -> tuple[bytes, bytes]:
    """Return the head of a form, and the rest."""
    head, _, rest = content.partition(b"\n")
    return head, rest


def write_plan(head: RunHead, items: Iterable[PlannedItem]) -> bytes:
    """Return the plan of a run."""
    return with_head(head, *(item.model_dump_json().encode() + b"\n" for item in items))


def read_plan(content: bytes) -> tuple[RunHead, Iterator[PlannedItem]]:
    """Read the bytes of ``write_plan``."""
    head, rest = split_head(content)
    return RunHead.read(head), map(PlannedItem.model_validate_json, rest.splitlines())
