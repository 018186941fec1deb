"""The names by which a flow knows its recipients, and which of them an address from elsewhere means.

A recipient inside has one name, its address in lower case. One outside is named as it was written, because the case of
its local part is another server's business (RFC 5321, 2.4): ``Jo@`` and ``jo@`` outside are two recipients. Functions
and reports may give a name back in another case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.model.addresses import Address

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


def name_of(address: Address, *, inside: bool) -> str:
    """Return the name of a recipient, of its address as it was written."""
    return str(address.folded() if inside else address)


def folded(name: str) -> str:
    """Return a name in lower case, as it is compared; a text that is no address as well."""
    address = Address.parse(name)
    return name.lower() if address is None else str(address)


@dataclass(frozen=True, slots=True)
class RecipientNames:
    """The names of some recipients."""

    names: Collection[str]
    _folded: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, names: Iterable[str]) -> RecipientNames:
        """Return some names, each once."""
        once, by_folded = dict.fromkeys(names), dict[str, tuple[str, ...]]()
        for name in once:
            key = folded(name)
            by_folded[key] = (*by_folded.get(key, ()), name)
        return cls(once.keys(), by_folded)

    def meant_by(self, address: Address) -> tuple[str, ...]:
        """Return the names that an address means: the same one, else those that differ in case alone; often none."""
        exact = str(address)
        return (exact,) if exact in self.names else self._folded.get(str(address.folded()), ())
