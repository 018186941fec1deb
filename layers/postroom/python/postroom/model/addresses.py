"""Mail addresses as routing needs them: lower-case, domain in A-labels."""

from __future__ import annotations

from dataclasses import dataclass

import idna


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """An addr-spec without display name. ``local`` is lower-case (WorkMail ignores case), ``domain`` A-labels."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @classmethod
    def parse(cls, text: str) -> Address | None:
        """Read one addr-spec; ``None`` where there is no local part, no domain, or a control character.

        The last ``@`` separates, so that quoted local parts may hold others. A domain that IDNA refuses is kept
        lower-case as it stands: it matches no domain of ours, and the message still gets its answer.
        """
        local, at, domain = text.strip().rpartition("@")
        if not (local and at and domain) or not text.isprintable():
            return None
        return cls(local.lower(), a_label(domain))

    @property
    def tag(self) -> str | None:
        """What stands behind the first ``+`` of the local part, or ``None``."""
        user, plus, tag = self.local.partition("+")
        return tag if user and plus else None

    def without_tag(self) -> Address:
        """Return ``user@`` for ``user+tag@``; the address itself where there is no tag."""
        return Address(self.local.partition("+")[0], self.domain) if self.tag is not None else self


def a_label(domain: str) -> str:
    """Return a domain lower-case with Unicode labels as A-labels (``xn--…``), without a trailing dot."""
    name = domain.strip().rstrip(".").lower()
    if name.isascii():
        return name
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        return name
