"""The password policy of the built-in directory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.contracts.admin.exceptions import InvalidPasswordException

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MIN_CHARACTERS: Final = 8
MAX_CHARACTERS: Final = 64
MIN_CLASSES: Final = 3
"""Limits of a password's length, and how many classes of characters it needs. Source: guide, password policies
(ZH:5571)."""

CLASSES: Final[Mapping[str, Callable[[str], bool]]] = {
    "upper-case letters": lambda character: "A" <= character <= "Z",
    "lower-case letters": lambda character: "a" <= character <= "z",
    "digits": lambda character: "0" <= character <= "9",
    "special characters": lambda character: character.isascii() and not character.isalnum(),
    "Latin-1 Supplement characters": lambda character: "\u00a0" <= character <= "\u00ff",
}
"""Classes of characters. Source: as above."""


def check(password: str) -> None:
    """Check a password against the policy. Error texts do not contain the password.

    Raises:
        InvalidPasswordException: it is too short, too long, or has characters of too few classes.
    """
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        raise InvalidPasswordException(f"A password has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters.")
    used = [name for name, holds in CLASSES.items() if any(map(holds, password))]
    if len(used) < MIN_CLASSES:
        raise InvalidPasswordException(
            f"A password has characters of {MIN_CLASSES} of these classes: {', '.join(CLASSES)}."
        )
