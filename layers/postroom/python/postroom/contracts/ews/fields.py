"""Elements with simple content, read by the rules of XML Schema. Errors name the element and never quote its text."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final

from lxml import etree

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_INT: Final = re.compile(r"[+-]?\d{1,10}", re.ASCII)
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


def text(parent: Element, name: str) -> str | None:
    """Return the text of the child of a name, without white space around it; None if there is no such child."""
    found = parent.find(name)
    return None if found is None else (found.text or "").strip()


def needed(parent: Element, name: str) -> Element:
    """Return the child of a name.

    Raises:
        ValueError: there is none.
    """
    found = parent.find(name)
    if found is None:
        raise ValueError(f"{etree.QName(parent).localname} has no {etree.QName(name).localname}")
    return found


def needed_text(parent: Element, name: str) -> str:
    """Return the text of the child of a name, without white space around it.

    Raises:
        ValueError: there is none.
    """
    return (needed(parent, name).text or "").strip()


def integer(parent: Element, name: str, lowest: int, highest: int) -> int:
    """Return the number of the child of a name.

    Raises:
        ValueError: there is none, or it is no whole number of the range.
    """
    found = needed_text(parent, name)
    if not _INT.fullmatch(found) or not lowest <= int(found) <= highest:
        raise ValueError(f"{etree.QName(name).localname} is no number from {lowest} to {highest}")
    return int(found)


def boolean(parent: Element, name: str) -> bool:
    """Return the truth of the child of a name; False if there is none.

    Raises:
        ValueError: it is neither true nor false.
    """
    found = text(parent, name) or "false"
    if found not in _BOOLEANS:
        raise ValueError(f"{etree.QName(name).localname} is neither true nor false")
    return _BOOLEANS[found]


def date_time(parent: Element, name: str) -> datetime:
    """Return the time of the child of a name; naive if it has no offset. Digits below a microsecond are dropped.

    Raises:
        ValueError: there is none, or it is no xs:dateTime of the years 1 to 9999.
    """
    found = needed_text(parent, name)
    if not _DATE_TIME.fullmatch(found):
        raise ValueError(f"{etree.QName(name).localname} is no xs:dateTime")
    try:
        return datetime.fromisoformat(found)
    except ValueError as error:
        raise ValueError(f"{etree.QName(name).localname} is no xs:dateTime") from error
