"""Mail addresses as routing needs them: lower-case, domain in A-labels."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

import idna

_DOT_ATOM: Final = re.compile(r"[^\s()<>\[\]:;@\\,.\"]+(\.[^\s()<>\[\]:;@\\,.\"]+)*")
"""Source: RFC 5322, 3.2.3, with the characters of RFC 6532."""

_BARE_LOCAL: Final = re.compile(r'[^\s()<>\[\]:;@\\,"]+|"(?:[^"\\]|\\.)*"')
_BARE_DOMAIN: Final = re.compile(r'[^\s()<>\[\]:;@\\,"]+|\[[^\[\]\\]*\]')
"""Source: RFC 5322, 3.4.1; dots may stand anywhere, as they do in some mailboxes' names."""

JOINERS: Final = "\u200c\u200d"
"""Characters that are not printable and stand in domain names all the same. Source: RFC 5892, A.1 and A.2."""

_DOT: Final = re.compile("[.\u3002\uff0e\uff61]")
"""What separates labels. Source: UTS 46, 4.5."""

_WITHOUT_JOINERS: Final = dict.fromkeys(map(ord, JOINERS))

MAX_DOMAIN: Final = 253
"""Longest domain name, in characters of A-labels. Source: RFC 1035, 2.3.4, less the length bytes."""

MAX_ADDRESS: Final = 320
"""Longest address: 64 for the local part, the @, 255 for the domain. Source: RFC 5321, 4.5.3.1."""


class Address(NamedTuple):
    """An addr-spec without display name. ``local`` is lower-case (WorkMail ignores case), ``domain`` A-labels.

    A tuple, because a message has up to 500 and a dataclass takes twice as long to make.
    """

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @classmethod
    def parse(cls, text: str) -> Address | None:
        """Read one addr-spec; ``None`` where there is no local part, no domain, or a control character.

        The last ``@`` separates, so that quoted local parts may hold others; quotes that are not needed are taken off,
        because ``"ann"@`` is ``ann@`` (RFC 5321, 4.1.2). A domain that cannot be translated is kept
        lower-case as it stands: it matches no domain of ours, and the message still gets its answer.
        """
        local, _, domain = text.strip().rpartition("@")
        if not (local and domain):
            return None
        if not text.isprintable() and not (local.isprintable() and text.translate(_WITHOUT_JOINERS).isprintable()):
            return None
        if local[0] == '"':
            local = _unquoted(local)
        return tuple.__new__(cls, (local.lower(), a_label(domain)))  # as cls(…) does, with one call less

    @property
    def is_bare(self) -> bool:
        """Whether nothing stands in it that belongs beside an address: a display name, angle brackets, a comment."""
        return bool(_BARE_LOCAL.fullmatch(self.local) and _BARE_DOMAIN.fullmatch(self.domain))

    @property
    def tag(self) -> str | None:
        """What stands behind the first ``+`` of the local part, or ``None``."""
        user, plus, tag = self.local.partition("+")
        return tag if user and plus else None

    def without_tag(self) -> Address:
        """Return ``user@`` for ``user+tag@``; the address itself where there is no tag."""
        return Address(self.local.partition("+")[0], self.domain) if self.tag is not None else self


def _unquoted(local: str) -> str:
    """Return what stands between quotes, if it is a dot-atom and needs none; else the local part as it is."""
    inner = re.sub(r"\\(.)", r"\1", local[1:-1]) if local.endswith('"') else ""
    return inner if _DOT_ATOM.fullmatch(inner) else local


MAX_LABEL: Final = 63
"""Longest label, in characters; a longer one is not translated. Source: RFC 1035, 2.3.4."""

MAX_TRANSLATED: Final = 1024
"""Longest domain that is translated and remembered, in characters; none in the DNS has more than MAX_DOMAIN. Ours."""


def a_label(domain: str) -> str:
    """Return a domain lower-case with Unicode labels as A-labels (``xn--…``), without a trailing dot.

    Labels that IDNA 2008 refuses, and that some registries hold all the same (emoji), become what browsers look up
    for them (UTS 46). A label that is too long or has no translation stays as it is written, lower-case, as does what
    is in front of the last MAX_TRANSLATED characters. The labels behind it, which a wildcard means, are translated.
    """
    if len(domain) <= MAX_TRANSLATED:
        return _a_label(domain)
    name = domain.strip().rstrip(".").lower()
    dot = _DOT.search(name, max(len(name) - MAX_TRANSLATED, 0))
    return f"{name[: dot.start()]}.{_a_label(name[dot.end() :])}" if dot else name


@lru_cache(maxsize=1024)  # a message names few domains, over and over
def _a_label(domain: str) -> str:
    name = domain.strip().rstrip(".").lower()
    if name.isascii():
        return name
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        return _unchecked(name)


def _unchecked(name: str) -> str:
    """Translate label by label without the checks of IDNA 2008; what no translation exists for stays as it is."""
    return ".".join(label if label.isascii() else _unchecked_label(label) for label in _DOT.split(name))


def _unchecked_label(label: str) -> str:
    if len(label) > MAX_LABEL:
        return label
    try:
        found = idna.uts46_remap(label, std3_rules=False, transitional=False).split(".")
    except idna.IDNAError:
        return label
    if any(len(each) > MAX_LABEL for each in found):
        return label
    return ".".join(each if each.isascii() else f"xn--{each.encode('punycode').decode('ascii')}" for each in found)
