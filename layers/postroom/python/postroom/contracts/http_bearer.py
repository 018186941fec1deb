"""Bearer tokens in an Authorization header. Source: RFC 6750, section 2.1; guide, ZH:7080."""

from __future__ import annotations


def token(header: str) -> str | None:
    """Return the token of an Authorization header; None if it is of another scheme. It may be empty."""
    scheme, _, value = header.partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None
