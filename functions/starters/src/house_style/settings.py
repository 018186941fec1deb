"""What the function does, from its environment; what is empty is not done."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_LINE = 900
"""Characters of a line of the disclaimer: lines of mail end at 998. Source: RFC 5322, 2.1.1."""


@dataclass(frozen=True)
class Settings:
    """See template.yaml for what the variables mean."""

    subject_tag: str = ""
    disclaimer_text: str = ""
    disclaimer_html: str = ""
    forbidden_extensions: frozenset[str] = frozenset()
    bucket: str = ""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings.

        Raises:
            ValueError: one of them cannot be put into a message.
        """
        text = _lines(environment.get("DISCLAIMER_TEXT", ""))
        markup = _lines(environment.get("DISCLAIMER_HTML", ""))
        if text and not markup:
            markup = f"<p>{html.escape(text, quote=False)}</p>".replace("\n", "<br>\n")
        tag = " ".join(environment.get("SUBJECT_TAG", "").split())
        if len(tag) > 60:
            raise ValueError("SUBJECT_TAG is longer than 60 characters")
        if any(len(line.encode()) > LONGEST_LINE for line in f"{text}\n{markup}".splitlines()):
            raise ValueError(f"a line of the disclaimer is longer than {LONGEST_LINE} bytes")
        given = environment.get("FORBIDDEN_EXTENSIONS", "").lower().replace(",", " ").split()
        extensions = frozenset("." + one.strip("*. ") for one in given if one.strip("*. "))
        return cls(tag, text, markup, extensions, environment.get("UPDATED_EMAIL_BUCKET", ""))


def _lines(text: str) -> str:
    r"""Return a setting of several lines; a parameter of CloudFormation has one, with \n in it."""
    return "\n".join(line.rstrip() for line in text.replace("\\n", "\n").splitlines()).strip("\n")
