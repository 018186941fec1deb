"""Qualified names in the notation of lxml, ``{namespace}name``."""

from __future__ import annotations

from typing import Final

SOAP_NAMESPACE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGES_NAMESPACE: Final = "http://schemas.microsoft.com/exchange/services/2006/messages"
TYPES_NAMESPACE: Final = "http://schemas.microsoft.com/exchange/services/2006/types"
ERRORS_NAMESPACE: Final = "http://schemas.microsoft.com/exchange/services/2006/errors"

PREFIXES: Final = {"s": SOAP_NAMESPACE, "m": MESSAGES_NAMESPACE, "t": TYPES_NAMESPACE}
"""Prefixes of what Postroom writes; ``nsmap`` of the outermost element."""


def s(name: str) -> str:
    """Return a name of SOAP 1.1."""
    return f"{{{SOAP_NAMESPACE}}}{name}"


def m(name: str) -> str:
    """Return a name of messages.xsd."""
    return f"{{{MESSAGES_NAMESPACE}}}{name}"


def t(name: str) -> str:
    """Return a name of types.xsd."""
    return f"{{{TYPES_NAMESPACE}}}{name}"
