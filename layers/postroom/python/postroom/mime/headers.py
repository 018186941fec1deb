"""Reads the header block of a message leniently.

Stations read headers only: a full parse takes three times as long, and ``policy.default`` eight times (measured, see
docs/decisions). Nothing here raises: a header that cannot be read is empty.

Every station reads headers with ``Headers.of`` or ``read_headers``, so that all of them see the same fields
(docs/decisions/0016).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Final

from postroom.mime import address_lists, charsets
from postroom.mime.encoded_words import charset_of, decode_field, eight_bit, raw_charset
from postroom.mime.header_fields import readings
from postroom.model.addresses import MAX_ADDRESS_CHARACTERS, Address
from postroom.model.limits import (
    HEADER_READS_BYTES,
    MAX_ADDRESS_BYTES,
    MAX_AUTHOR_FIELDS,
    MAX_AUTHOR_WORDS,
    MAX_AUTHORS,
    MAX_SUBJECT_CHARACTERS,
)
from postroom.model.rule_index import Reading
from postroom.model.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    _Read = Callable[[str], Address | None]

__all__ = ["Authors", "Headers", "MessageHead", "read_headers"]

MAX_TEXT_BYTES: Final = 160_000
"""Most bytes of a field, or of all fields of a name together, that are decoded as text. Ours."""

_FOLD: Final = re.compile(r"\r?\n[ \t]*")
_LINE_ENDS: Final = re.compile(rb"[\r\n]+[ \t]*")


@dataclass(frozen=True, slots=True)
class Authors:
    """The possible authors of a message.

    Attributes:
        readings: input of the rules: one reading, or several if mail clients may differ on Sender.
        differ: mail clients may see different addresses in From or Sender.
        is_cut: the fields have more than is read, so that some addresses may be missing.
    """

    readings: tuple[Reading, ...]
    differ: bool
    is_cut: bool

    @property
    def are_unknown(self) -> bool:
        """Say whether no mail client finds an address in From."""
        return not any(reading.froms for reading in self.readings)


class Headers:
    """Header fields by name; names are case-insensitive."""

    def __init__(self, head: bytes) -> None:
        """See ``of``."""
        self._readings = readings(head)
        self._head = head
        self._first_addresses: dict[str, str] = {}

    @classmethod
    def of(cls, head: bytes) -> Headers:
        """Read the headers in the first bytes of a message; a block that is longer than them is read in part."""
        return cls(head)

    @property
    def block(self) -> bytes:
        """The header block as it arrived, blank line included."""
        return self._head[: self.body_start]

    @property
    def body_start(self) -> int:
        """Length of the header block in bytes, blank line included."""
        end = self._readings[0].end
        return len(self._head) if end is None else end

    @property
    def is_complete(self) -> bool:
        """Say whether the given bytes contain the end of the block."""
        return all(reading.end is not None for reading in self._readings[:2])

    @property
    def is_cut(self) -> bool:
        """Say whether there are more fields than are read."""
        return any(reading.is_cut for reading in self._readings)

    def raw(self, name: str) -> list[bytes]:
        """Return the bytes of all fields with a name, folds included, in order; those of only some readings last."""
        wanted = name.lower()
        if len(self._readings) == 1:  # nearly all mail
            return self._readings[0].values(wanted)
        return list(dict.fromkeys(value for reading in self._readings for value in reading.values(wanted)))

    def has(self, name: str) -> bool:
        """Say whether a field with a name has more than white space."""
        return any(map(bytes.strip, self.raw(name)))

    def text(self, name: str, limit: int = MAX_SUBJECT_CHARACTERS) -> str:
        """Return the first field with a name as one decoded line of at most ``limit`` characters; empty without one."""
        return self._as_text(self._first(name))[:limit]

    def texts(self, name: str, limit: int = MAX_SUBJECT_CHARACTERS) -> list[str]:
        """Return all fields with a name in the same way, up to MAX_TEXT_BYTES together."""
        found, room = [], MAX_TEXT_BYTES
        for value in self.raw(name):
            if room <= 0:
                break
            found.append(self._as_text(value[:room])[:limit])
            room -= len(value)
        return found

    def count(self, name: str) -> int:
        """Return the number of fields with a name."""
        return max(reading.count(name.lower()) for reading in self._readings)

    def addresses(self, name: str, most: int = MAX_AUTHORS) -> tuple[str, ...]:
        """Return the first addresses of all fields with a name, lower-case, in order, without display names.

        Texts that are longer than any address are left out. If mail clients differ, RFC 5322 is followed.
        """
        fields, _ = _as_lists(self.raw(name), MAX_ADDRESS_BYTES)
        return tuple(islice(_short(address for value in fields for address in _likeliest(value)), most))

    def written_addresses(self, name: str) -> list[Address]:
        """Return the addresses of all fields with a name, with their local parts as they were written, in order.

        Of fields that are clear, none is left out, however many there are.
        """
        fields, _ = _as_lists(self.raw(name), MAX_ADDRESS_BYTES)
        return [address for value in fields for address in _likeliest(value, Address.written)]

    def are_clear(self, name: str) -> bool:
        """Say whether the fields with a name can be read as a whole: each mailbox in them has an address."""
        fields, room = _as_lists(self.raw(name), MAX_ADDRESS_BYTES)
        return room >= 0 and all(address_lists.is_usual(value, MAX_ADDRESS_BYTES) for value in fields)

    def address(self, name: str) -> str:
        """Return the most likely address of the fields with a name; if none can be read, the field's text."""
        cached = self._first_addresses.get(name)
        if cached is None:
            reading = self.authors.readings[0]
            authors = {"From": reading.froms, "Sender": reading.senders}
            found = _short(authors[name]) if name in authors else iter(self.addresses(name, 1))
            cached = self._first_addresses[name] = next(found, None) or self.text(name, MAX_ADDRESS_CHARACTERS)
        return cached

    @cached_property
    def authors(self) -> Authors:
        """The possible authors, in every way in which mail clients may read the From and Sender fields."""
        values = self.raw("From")
        fields, room = _as_lists(values, MAX_ADDRESS_BYTES)
        froms = _Addresses.of(fields, self._in_charset(values))
        values = self.raw("Sender")
        fields, room = _as_lists(values, room)
        senders = _Addresses.of(fields, self._in_charset(values))
        sure = not senders.every or (not senders.differ and len(self._readings) == 1 and self._readings[0].is_regular())
        reading = Reading(tuple(senders.every), tuple(froms.every))
        return Authors(
            readings=(reading,) if sure else (reading, Reading((), reading.froms)),
            differ=froms.differ or not sure,
            is_cut=room < 0 or senders.is_cut or froms.is_cut or self.is_cut,
        )

    def date(self) -> int | None:
        """Return the Date field in milliseconds since the epoch; ``None`` if it cannot be read."""
        try:
            return int(parsedate_to_datetime(self.text("Date")).timestamp() * 1000)
        except (ValueError, TypeError, OverflowError, IndexError, AttributeError):
            return None

    def names(self) -> list[str]:
        """Return the names of all fields, lower-case, in order."""
        return self._readings[0].names()

    def _first(self, name: str) -> bytes:
        wanted = name.lower()
        for reading in self._readings:
            value = reading.first(wanted)
            if value is not None:
                return value
        return b""

    @cached_property
    def _charset(self) -> str | None:
        """Charset label of the message's Content-Type, for raw 8-bit."""
        return charset_of(self._first("Content-Type"))

    def _in_charset(self, values: Iterable[bytes]) -> list[str]:
        """Return address fields with raw 8-bit, decoded in the charset of Content-Type; usually none."""
        fields = [value[:MAX_ADDRESS_BYTES] for value in values if not value.isascii()]
        if not fields or self._charset is None:
            return []
        return [_FOLD.sub("\n", charsets.decode(value, raw_charset(value, self._charset))) for value in fields]

    def _as_text(self, value: bytes) -> str:
        """Return a field's bytes decoded to one line."""
        value = _LINE_ENDS.sub(b" ", value[:MAX_TEXT_BYTES])
        is_plain = value.isascii() and b"\x1b" not in value
        return one_line(decode_field(value, None if is_plain else self._charset))


@dataclass(frozen=True, slots=True)
class MessageHead:
    """Headers of a stored message. ``head``: the bytes that were read; ``size``: of the whole message, in bytes."""

    headers: Headers
    head: bytes
    size: int


def read_headers(read: Callable[[int], tuple[bytes, int]]) -> MessageHead:
    """Read the headers of a stored message up to their end.

    Args:
        read: returns the first bytes of the message, as many as its argument says, and the size of the whole in bytes.
    """
    for length in HEADER_READS_BYTES:
        head, size = read(length)
        headers = Headers.of(head)
        if headers.is_complete or len(head) >= size:
            break
    return MessageHead(headers, head, size)


@dataclass(slots=True)
class _Addresses:
    """The addresses of all fields of one name, in every reading.

    ``differ``: mail clients may see different addresses. ``is_cut``: there are more than are read.
    """

    every: dict[Address, None]
    differ: bool
    is_cut: bool
    words: int = 0
    unclear_fields: int = 0

    @classmethod
    def of(cls, fields: Sequence[str], other_texts: Iterable[str]) -> _Addresses:
        """Read some fields, and other decodings of them; of several fields, mail clients may take any."""
        made = cls({}, differ=len(fields) > 1, is_cut=False)
        for value in fields:
            made._read(value)
        known = len(made.every)
        for value in other_texts:
            made._read(value)
        made.differ |= len(made.every) > known
        return made

    def _read(self, value: str) -> None:
        plain = address_lists.plain(value)
        address = Address.parse(plain) if plain else None
        if address is not None:
            self.every[address] = None
            return
        self.unclear_fields += 1
        if self.unclear_fields > MAX_AUTHOR_FIELDS:
            self.is_cut = True
            return
        found = set()
        specs = self._counted(address_lists.every(value))
        for address in _parsed(shown for spec in specs for shown in address_lists.as_shown(spec)):
            self.every[address] = None
            found.add(address)
        self.differ |= not (address_lists.is_usual(value) and found == set(_likeliest(value)))

    def _counted(self, specs: Iterable[str]) -> Iterator[str]:
        """Yield texts that look like an address, up to the limits."""
        for spec in specs:
            self.words += 1
            if self.words > MAX_AUTHOR_WORDS or len(self.every) > MAX_AUTHORS:
                self.is_cut = True
                return
            yield spec


def _likeliest(value: str, read: _Read = Address.parse) -> Iterator[Address]:
    plain = address_lists.plain(value)
    address = read(plain) if plain else None
    if address is not None:
        return iter((address,))
    return _parsed((address_lists.as_shown(spec)[0] for spec in address_lists.likeliest(value)), read)


def _parsed(specs: Iterable[str], read: _Read = Address.parse) -> Iterator[Address]:
    """Yield the addresses of texts that look like one, each text once."""
    seen = set()
    for spec in specs:
        if spec not in seen:
            seen.add(spec)
            address = read(spec)
            if address is not None:
                yield address


def _short(addresses: Iterable[Address]) -> Iterator[str]:
    return (text for text in map(str, addresses) if len(text) <= MAX_ADDRESS_CHARACTERS)


def _as_lists(values: Iterable[bytes], room: int) -> tuple[list[str], int]:
    """Return address fields as text, up to ``room`` bytes, and the bytes that are left; below 0 if something is cut."""
    found = []
    for value in values:
        found.append(_unfolded(value[: max(room, 0)]))
        room -= len(value)
    return found, room


def _unfolded(value: bytes) -> str:
    """Return an address field as text, with each fold as one LF and raw 8-bit decoded; a CR elsewhere stays."""
    if value.isascii():
        return _FOLD.sub("\n", value.decode("ascii"))
    return eight_bit(_FOLD.sub("\n", value.decode("ascii", "surrogateescape")))
