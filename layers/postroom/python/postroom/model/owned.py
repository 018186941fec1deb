"""Records that an organization owns beside its entities and domains: rules, roles, tokens, settings.

A family of records is a subclass of ``Owned``. The directory stores and lists every family alike, so a new family needs
no line in its adapters. Members are texts, whole numbers, truth values, bytes, members of a ``StrEnum``, mappings of
texts, dataclasses of these, tuples of one of these, or None; their types are imported for real, because the adapter
reads the annotations. A reader ignores members that it does not know, so a member that is added has a default.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """A record of an organization; the store adds one to ``version`` with every replacement.

    A row with a member ``expires`` (seconds since the epoch) disappears some time after it; readers compare the clock.
    """

    family: ClassVar[str]
    """Names the family in keys: unique, without ``#``."""

    organization_id: str
    version: int = 1

    @property
    def key(self) -> str:
        """Unique in the family and organization; lists are in its order."""
        raise NotImplementedError


OwnedT = TypeVar("OwnedT", bound=Owned)
