"""How the tables' rows are written: keys, numbers, and JSON inside an attribute. Each table has a module of its own.

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
    """Return a number as DynamoDB writes it."""
    return {"N": str(value)}


def to_json(value: Mapping[str, Any]) -> str:
    """Return a mapping as JSON without spaces, in UTF-8 where ASCII would be longer."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
