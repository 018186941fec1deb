"""Mbox files of our own exports: the manifest has what the file cannot hold.

The path of the third message of ``Inbox.mbox`` is ``Inbox/3``. A message whose bytes are others than the manifest says,
because messages before it were removed, is read as from any other mbox file.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from postroom.imports.incoming import Incoming, IncomingFolder
from postroom.imports.mbox import Variant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from postroom.imports.incoming import Found
    from postroom.imports.tree import Tree

MBOX: Final = ".mbox"

_FIELD: Final = re.compile(rb"(?:Status|X-Status|X-Keywords): [^\r\n]*\r?\n")


@dataclass(frozen=True, slots=True)
class OwnMbox:
    """An mbox file of a tree, by its path."""

    tree: Tree
    path: str

    @property
    def variant(self) -> Variant | None:
        """The variant, if the manifest names the file's messages."""
        manifest = self.tree.manifest
        return Variant.MBOXRD if manifest and manifest.has_item(self._inner(1)) else None

    def described(self, found: Iterable[Found]) -> Iterator[Found]:
        """Yield what ``read_mbox`` yields, as the manifest describes it."""
        manifest, is_own = self.tree.manifest, self.variant is not None
        for number, one in enumerate(found):  # the folder comes first
            if manifest is None or (isinstance(one, Incoming) and not is_own):
                yield one
            elif isinstance(one, Incoming):
                known = manifest.incoming(self._inner(number), one.content, is_calendar=False)
                yield _same(one, known) if known else one
            elif isinstance(one, IncomingFolder):
                yield from () if manifest.has_folder(self._name) else (one,)
            else:
                manifest.mark(self._inner(number))
                yield one

    @property
    def _name(self) -> str:
        return self.path.removeprefix(self.tree.wrapper)[: -len(MBOX)]

    def _inner(self, number: int) -> str:
        return f"{self._name}/{number}"


def _same(found: Incoming, known: Incoming) -> Incoming:
    """Return the message as the manifest describes it, if its bytes are those; else as the file has it.

    An mbox file ends each message with a line feed; the message may have had none. Fields that mark it may be in front.
    """
    content: bytes | None = found.content
    while content is not None:
        for whole in (content, content.removesuffix(b"\n")):
            if hashlib.sha256(whole).hexdigest() == known.sha256:
                return replace(known, content=whole, source=found.source)
        field = _FIELD.match(content)
        content = content[field.end() :] if field else None
    return replace(found, place=known.place)
