"""AutoDiscover: where EWS is, in the two forms that clients ask for.

POX ("plain old XML") is ``autodiscover.xml``: Outlook and older clients. SOAP is ``autodiscover.svc``: exchangelib and
ews-javascript-api, of which the latter asks there only if answers of ``autodiscover.xml`` have X-SOAP-Enabled.

Sources: Microsoft, MS-OXDSCLI (POX) 2.2.2 to 2.2.4 and the error codes of its section 2.2.4.1.1.2.4; MS-OXWSADISC
(SOAP) 2.2.4 and 3.1.4.3 (GetUserSettings).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from postroom.contracts.ews import soap
from postroom.contracts.ews.names import SOAP_NAMESPACE, s
from postroom.errors import PermanentError
from postroom.model.xml_text import legal_in_xml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lxml.etree import _Element as Element

SOAP_ENABLED: Final = {"X-SOAP-Enabled": "True"}
"""Header of every answer of ``autodiscover.xml``, a 401 of the gateway included: template.yaml has it, too."""

POX_REQUEST: Final = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
POX_ENVELOPE: Final = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
POX_ANSWER: Final = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"

POX_INVALID_REQUEST: Final = 600
POX_NO_SCHEMA: Final = 601
POX_NO_ADDRESS: Final = 500

NAMESPACE: Final = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
_ADDRESSING: Final = "http://www.w3.org/2005/08/addressing"
_INSTANCE: Final = "http://www.w3.org/2001/XMLSchema-instance"
_PREFIXES: Final = {"s": SOAP_NAMESPACE, "a": _ADDRESSING}
_INNER: Final[dict[Any, str]] = {None: NAMESPACE, "i": _INSTANCE}

MAX_USERS: Final = 90
"""Most users of one request. Source: MS-OXWSADISC 3.1.4.3, Exchange's default."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a client learns of a user.

    Attributes:
        address: the user's primary address.
        ews_url: of the stack that answers.
    """

    address: str
    display_name: str
    ews_url: str

    @property
    def settings(self) -> Mapping[str, str]:
        """The settings of the SOAP form by name; all others are not available."""
        return {
            "UserDisplayName": self.display_name,
            "AutoDiscoverSMTPAddress": self.address,
            "ExternalEwsUrl": self.ews_url,
            "InternalEwsUrl": self.ews_url,
            "EwsSupportedSchemas": ", ".join(soap.VERSIONS),
        }


class PoxError(PermanentError):
    """A request in POX form that is refused."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def read_pox(data: bytes) -> str:
    """Return the address that a request in POX form asks for.

    Raises:
        PoxError: no such request (600), or one that wants another schema of answers (601), as ActiveSync's clients do.
    """
    try:
        root = soap.parse(data, soap.REQUEST_LIMITS)
    except soap.UnreadableXmlError as error:
        raise PoxError(POX_INVALID_REQUEST, "Invalid Request") from error
    request = root.find(f"{{{POX_REQUEST}}}Request")
    if root.tag != f"{{{POX_REQUEST}}}Autodiscover" or request is None:
        name = etree.QName(root)
        known = name.localname == "Autodiscover" and name.namespace not in {None, POX_REQUEST}
        code, text = (POX_NO_SCHEMA, "Provider is not available") if known else (POX_INVALID_REQUEST, "Invalid Request")
        raise PoxError(code, text)
    if (request.findtext(f"{{{POX_REQUEST}}}AcceptableResponseSchema") or "").strip() != POX_ANSWER:
        raise PoxError(POX_NO_SCHEMA, "Provider is not available")
    return (request.findtext(f"{{{POX_REQUEST}}}EMailAddress") or "").strip()


def write_pox(found: Found) -> bytes:
    """Return an answer in POX form. ASUrl is where Outlook asks for free/busy information."""
    envelope, response = _pox_response(POX_ANSWER)
    user = _add(response, "User")
    _add(user, "DisplayName", found.display_name)
    _add(user, "AutoDiscoverSMTPAddress", found.address)
    account = _add(response, "Account")
    _add(account, "AccountType", "email")
    _add(account, "Action", "settings")
    for kind in ("EXCH", "EXPR"):
        protocol = _add(account, "Protocol")
        _add(protocol, "Type", kind)
        _add(protocol, "ASUrl", found.ews_url)
        _add(protocol, "EwsUrl", found.ews_url)
    return _text(envelope)


def write_pox_error(error: PoxError, time: str, request_id: str) -> bytes:
    """Return a refusal in POX form; ``time`` is ``hh:mm:ss``."""
    envelope, response = _pox_response(POX_ENVELOPE)
    element = _add(response, "Error")
    element.set("Time", time)
    element.set("Id", request_id)
    _add(element, "ErrorCode", str(error.code))
    _add(element, "Message", error.text)
    _add(element, "DebugData")
    return _text(envelope)


def _pox_response(namespace: str) -> tuple[Element, Element]:
    envelope = etree.Element(f"{{{POX_ENVELOPE}}}Autodiscover", nsmap=_default(POX_ENVELOPE))
    return envelope, etree.SubElement(envelope, f"{{{namespace}}}Response", nsmap=_default(namespace))


def read_soap(data: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the addresses and the names of settings that GetUserSettings asks for.

    Raises:
        FaultError: no request in SOAP form, or another operation.
    """
    try:
        content = soap.read_envelope(data, soap.REQUEST_LIMITS).content
    except soap.UnreadableXmlError as error:
        raise soap.schema_fault(error) from error
    if content.tag != f"{{{NAMESPACE}}}GetUserSettingsRequestMessage":
        raise soap.FaultError("ErrorInvalidOperation", "This operation of AutoDiscover is not served.")
    within = f"{{{NAMESPACE}}}Request/{{{NAMESPACE}}}"
    users = content.findall(f"{within}Users/{{{NAMESPACE}}}User")
    settings = content.findall(f"{within}RequestedSettings/{{{NAMESPACE}}}Setting")
    if not 1 <= len(users) <= MAX_USERS or not settings:
        raise soap.schema_fault(f"1 to {MAX_USERS} users and at least one setting are needed")
    addresses = tuple((user.findtext(f"{{{NAMESPACE}}}Mailbox") or "").strip() for user in users)
    return addresses, tuple(dict.fromkeys((setting.text or "").strip() for setting in settings))


def write_soap(results: Sequence[Found | None], settings: Sequence[str]) -> bytes:
    """Return the answer of GetUserSettings; a user that is None is unknown."""
    message = etree.Element(f"{{{NAMESPACE}}}GetUserSettingsResponseMessage", nsmap=_INNER)
    response = _add(message, "Response")
    _add(response, "ErrorCode", "NoError")
    _add(response, "ErrorMessage")
    responses = _add(response, "UserResponses")
    for found in results:
        one = _add(responses, "UserResponse")
        _add(one, "ErrorCode", "NoError" if found else "InvalidUser")
        _add(one, "ErrorMessage", "No error." if found else "The user is not known.")
        _nil(_add(one, "RedirectTarget"))
        available = found.settings if found else {}
        missing = [name for name in settings if name not in available] if found else []
        _add_missing(_add(one, "UserSettingErrors"), missing)
        _add_settings(_add(one, "UserSettings"), {name: available[name] for name in settings if name in available})
    return _soap_message(message, "GetUserSettingsResponse")


def _add_missing(errors: Element, names: Sequence[str]) -> None:
    for name in names:
        error = _add(errors, "UserSettingError")
        _add(error, "ErrorCode", "SettingIsNotAvailable")
        _add(error, "ErrorMessage", f"The setting '{name}' is not available.")
        _add(error, "SettingName", name)


def _add_settings(parent: Element, settings: Mapping[str, str]) -> None:
    for name, value in settings.items():
        setting = _add(parent, "UserSetting")
        setting.set(f"{{{_INSTANCE}}}type", "StringSetting")
        _add(setting, "Name", name)
        _add(setting, "Value", value)


def _soap_message(content: Element, action: str) -> bytes:
    envelope = etree.Element(s("Envelope"), nsmap=_PREFIXES)
    header = etree.SubElement(envelope, s("Header"))
    said = etree.SubElement(header, f"{{{_ADDRESSING}}}Action")
    said.set(s("mustUnderstand"), "1")
    said.text = f"{NAMESPACE}/Autodiscover/{action}"
    version = etree.SubElement(header, f"{{{NAMESPACE}}}ServerVersionInfo", nsmap=_default(NAMESPACE))
    for name, value in soap.SERVER_VERSION.items():
        _add(version, name, value)
    etree.SubElement(envelope, s("Body")).append(content)
    return _text(envelope)


def _default(namespace: str) -> dict[Any, str]:
    """Return the declaration of a default namespace, for which lxml's stubs have no type."""
    return {None: namespace}


def _add(parent: Element, name: str, text: str | None = None) -> Element:
    """Append an element of the parent's namespace."""
    element = etree.SubElement(parent, f"{{{etree.QName(parent).namespace}}}{name}")
    element.text = None if text is None else legal_in_xml(text)
    return element


def _nil(element: Element) -> None:
    element.set(f"{{{_INSTANCE}}}nil", "true")


def _text(envelope: Element) -> bytes:
    return etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
