"""Shapes in the form of botocore's models, for the tables of our own operations."""

from __future__ import annotations

from typing import Any, Final

Shape = dict[str, Any]

LINE: Final = r"[^\x00-\x1F\x7F-\x9F\u2028\u2029]"
"""A character of one line: nothing that ends a line or controls a terminal."""


def text(least: int, most: int, pattern: str, documentation: str) -> Shape:
    """Return a string of ``least`` to ``most`` characters."""
    return {"type": "string", "min": least, "max": most, "pattern": pattern, "documentation": documentation}


def listed(least: int, most: int, member: str) -> Shape:
    """Return a list of ``least`` to ``most`` members."""
    return {"type": "list", "member": {"shape": member}, "min": least, "max": most}


def every(member: str) -> Shape:
    """Return a list of any number of members."""
    return {"type": "list", "member": {"shape": member}}


def structure(required: str, **members: str) -> Shape:
    """Return a structure; ``required`` names members, in one string; a member's value is its shape."""
    made: Shape = {"type": "structure", "members": {name: {"shape": shape} for name, shape in members.items()}}
    if "ClientToken" in members:
        made["members"]["ClientToken"]["idempotencyToken"] = True
    return made | ({"required": required.split()} if required else {})


LIST: Final = structure(
    "OrganizationId", OrganizationId="OrganizationId", NextToken="NextToken", MaxResults="MaxResults"
)
"""What is asked for a page of a list."""
