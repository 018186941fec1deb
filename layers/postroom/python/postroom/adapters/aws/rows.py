"""Parts of rows: keys, numbers, and JSON in an attribute. Each table has its own module.

ledger_rows    LedgerTable
transit_rows   TransitTable
mailbox_rows   MailboxTable
directory_rows DirectoryTable

A row has a form: its attribute ``form``, a number, or 1 without it. An attribute that readers may ignore is added
without a new form. What older versions would misread gets the next number, and a version writes it only once the one
before reads it (docs/decisions/0041).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from postroom.errors import NewerFormError

Row = Mapping[str, Any]
"""A row in DynamoDB's own typing: ``{"pk": {"S": …}, …}``."""


FORM: Final = "form"
"""Attribute with the number of a row's form; rows of form 1 lack it."""

NEWEST: Final = 1
"""The newest form of rows that this version reads, and the one that it writes."""


def readable(row: Row, newest: int = NEWEST) -> Row:
    """Return a row that this version can read.

    Raises:
        NewerFormError: a newer version wrote it, in a form that this version would misread.
    """
    form = int(row[FORM]["N"]) if FORM in row else 1
    if form > newest:
        raise NewerFormError(f"a row of form {form}; this version reads up to {newest}")
    return row


def key(pk: str, sk: str) -> dict[str, Any]:
    """Return a primary key."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def number(value: int) -> dict[str, str]:
    """Return a number in DynamoDB's form."""
    return {"N": str(value)}


def to_json(value: Mapping[str, Any]) -> str:
    """Return a mapping as JSON without spaces and without escapes of non-ASCII characters."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
