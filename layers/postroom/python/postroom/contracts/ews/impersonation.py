"""The SOAP header ExchangeImpersonation: in the name of which user a request is made.

Clients write one of the four names, exchangelib each that it knows. Source: Microsoft, MS-OXWSCDATA 2.2.3.3
(ExchangeImpersonation) and 2.2.4.15 (ConnectingSIDType); faults as Exchange gives them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from postroom.contracts.ews.names import t
from postroom.contracts.ews.soap import FaultError

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

HEADER: Final = t("ExchangeImpersonation")

INVALID_HEADER: Final = "ErrorInvalidExchangeImpersonationHeaderData"


class Naming(StrEnum):
    """How a user is named; values are elements of ConnectingSID."""

    PRINCIPAL_NAME = "PrincipalName"
    SID = "SID"
    PRIMARY_SMTP_ADDRESS = "PrimarySmtpAddress"
    SMTP_ADDRESS = "SmtpAddress"


_ELEMENTS: Final = {t(each.value): each for each in Naming}


@dataclass(frozen=True, slots=True)
class ConnectingId:
    """One name of the user; ``value`` has no space around it and is never empty."""

    naming: Naming
    value: str


def is_present(header: Element) -> bool:
    """Say whether a SOAP header asks for impersonation, be it in a wrong namespace: it is then invalid, not absent."""
    return header.find("{*}ExchangeImpersonation") is not None


def connecting_ids(header: Element) -> tuple[ConnectingId, ...]:
    """Return the names of the user to impersonate, each kind at most once; at least one.

    Raises:
        FaultError: ``ErrorInvalidExchangeImpersonationHeaderData``; the header is missing, there twice or not of its
            form.
    """
    found = header.findall(HEADER)
    if not found:
        raise FaultError(INVALID_HEADER, "The SOAP header ExchangeImpersonation must be present for this token.")
    if len(found) > 1 or [each.tag for each in found[0]] != [t("ConnectingSID")]:
        raise _invalid("it must have one ConnectingSID")
    elements = list(found[0][0])
    texts = {element.tag: (element.text or "").strip() for element in elements}
    if not elements or len(texts) < len(elements) or not texts.keys() <= _ELEMENTS.keys():
        raise _invalid("ConnectingSID must have PrincipalName, SID, PrimarySmtpAddress or SmtpAddress, each once")
    if not all(texts.values()):
        raise _invalid("the name of the user is empty")
    return tuple(ConnectingId(_ELEMENTS[tag], text) for tag, text in texts.items())


def _invalid(reason: str) -> FaultError:
    return FaultError(INVALID_HEADER, f"The SOAP header ExchangeImpersonation is not valid: {reason}.")
