"""Parts of rows: keys, numbers, and JSON in an attribute. Each table has its own module.

ledger_rows    LedgerTable
transit_rows   TransitTable
mailbox_rows   MailboxTable
directory_rows DirectoryTable
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any]
"""A row in DynamoDB's own typing: ``{"pk": {"S": …}, …}``."""


def key(pk: str, sk: str) -> dict[str, Any]:
    """Return a primary key."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def number(value: int) -> dict[str, str]:
    """Return a number in DynamoDB's form."""
    return {"N": str(value)}


def to_json(value: Mapping[str, Any]) -> str:
    """Return a mapping as JSON without spaces and without escapes of non-ASCII characters."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
