"""Mail addresses in the form that routing needs: lower-case, or as they were written; the domain in A-labels."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

import idna

_DOT_ATOM: Final = re.compile(r"[^\s()<>\[\]:;@\\,.\"]+(\.[^\s()<>\[\]:;@\\,.\"]+)*")
"""Source: RFC 5322, 3.2.3, with the characters of RFC 6532."""

_BARE_LOCAL: Final = re.compile(r'[^\s()<>\[\]:;@\\,"]+|"(?:[^"\\]|\\.)*"')
_BARE_DOMAIN: Final = re.compile(r'[^\s()<>\[\]:;@\\,"]+|\[[^\[\]\\]*\]')
"""Source: RFC 5322, 3.4.1; dots may be anywhere, as in the names of some mailboxes."""

JOINERS: Final = "\u200c\u200d"
"""Characters that are not printable but valid in domain names. Source: RFC 5892, A.1 and A.2."""

_DOT: Final = re.compile("[.\u3002\uff0e\uff61]")
"""Separators of labels. Source: UTS 46, 4.5."""

_WITHOUT_JOINERS: Final = dict.fromkeys(map(ord, JOINERS))

MAX_DOMAIN_CHARACTERS: Final = 253
"""Longest domain name, in characters of A-labels. Source: RFC 1035, 2.3.4, less the length bytes."""

MAX_ADDRESS_CHARACTERS: Final = 320
"""Longest address: 64 for the local part, the @, 255 for the domain. Source: RFC 5321, 4.5.3.1."""


class Address(NamedTuple):
    """An addr-spec without display name; ``domain`` is lower-case A-labels.

    ``local`` is lower-case, because WorkMail ignores case, in what ``parse`` returns: addresses that are compared. In
    what ``written`` returns it has the case with which it was written: RFC 5321, 2.4 leaves it to another server
    whether ``A@`` and ``a@`` are one mailbox, so that an address outside is sent to as it was written.

    A tuple, because a message has up to 500 addresses and creating a dataclass takes twice as long.
    """

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @classmethod
    def parse(cls, text: str) -> Address | None:
        """Read one addr-spec as ``written`` does, in lower case."""
        read = cls.written(text)
        return tuple.__new__(cls, (read[0].lower(), read[1])) if read else None

    @classmethod
    def written(cls, text: str) -> Address | None:
        """Read one addr-spec; ``None`` if it has no local part, no domain, or a control character.

        The last ``@`` separates, because a quoted local part may contain others. Quotes that are not needed are
        removed, because ``"ann"@`` is ``ann@`` (RFC 5321, 4.1.2). A domain that cannot be translated is kept in lower
        case: it matches no domain of an organization, and the message can still be answered.
        """
        local, _, domain = text.strip().rpartition("@")
        if not (local and domain):
            return None
        if not text.isprintable() and not (local.isprintable() and text.translate(_WITHOUT_JOINERS).isprintable()):
            return None
        if local[0] == '"':
            local = _unquoted(local)
        name = a_label(domain)
        return tuple.__new__(cls, (local, name)) if name else None  # as cls(…) does, with one call less

    def folded(self) -> Address:
        """Return the address in lower case, as it is compared."""
        return tuple.__new__(Address, (self.local.lower(), self.domain))

    @property
    def is_bare(self) -> bool:
        """Whether it is an address only, without a display name, angle brackets or a comment."""
        return bool(_BARE_LOCAL.fullmatch(self.local) and _BARE_DOMAIN.fullmatch(self.domain))

    @property
    def tag(self) -> str | None:
        """The text after the first ``+`` of the local part, or ``None``."""
        user, plus, tag = self.local.partition("+")
        return tag if user and plus else None

    def without_tag(self) -> Address:
        """Return ``user@`` for ``user+tag@``; the address itself if it has no tag."""
        return Address(self.local.partition("+")[0], self.domain) if self.tag is not None else self


def _unquoted(local: str) -> str:
    """Return the text between the quotes, if it is a dot-atom and needs none; else the local part unchanged."""
    inner = re.sub(r"\\(.)", r"\1", local[1:-1]) if local.endswith('"') else ""
    return inner if _DOT_ATOM.fullmatch(inner) else local


MAX_LABEL_CHARACTERS: Final = 63
"""Longest label, in characters; a longer label is not translated. Source: RFC 1035, 2.3.4."""

MAX_TRANSLATED_CHARACTERS: Final = 1024
"""Longest domain that is translated and cached, in characters. Ours; names in the DNS are shorter (253)."""


def a_label(domain: str) -> str:
    """Return a domain lower-case with Unicode labels as A-labels (``xn--…``), without a trailing dot.

    Labels that IDNA 2008 refuses but some registries accept (emoji) are translated as browsers do (UTS 46). A label
    that is too long or has no translation is returned in lower case only. If the domain is longer than
    ``MAX_TRANSLATED_CHARACTERS``, only the labels within that many characters at its end are translated; wildcards
    match those.
    """
    if len(domain) <= MAX_TRANSLATED_CHARACTERS:
        return _a_label(domain)
    name = domain.strip().rstrip(".").lower()
    dot = _DOT.search(name, max(len(name) - MAX_TRANSLATED_CHARACTERS, 0))
    return f"{name[: dot.start()]}.{_a_label(name[dot.end() :])}" if dot else name


@lru_cache(maxsize=1024)  # a message has few domains, each many times
def _a_label(domain: str) -> str:
    name = domain.strip().rstrip(".").lower()
    if name.isascii():
        return name
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        return _unchecked(name)


def _unchecked(name: str) -> str:
    """Translate label by label without the checks of IDNA 2008; a label without a translation stays unchanged."""
    return ".".join(label if label.isascii() else _unchecked_label(label) for label in _DOT.split(name))


def _unchecked_label(label: str) -> str:
    if len(label) > MAX_LABEL_CHARACTERS:
        return label
    try:
        found = idna.uts46_remap(label, std3_rules=False, transitional=False).split(".")
    except idna.IDNAError:
        return label
    if any(len(each) > MAX_LABEL_CHARACTERS for each in found):
        return label
    return ".".join(each if each.isascii() else f"xn--{each.encode('punycode').decode('ascii')}" for each in found)
