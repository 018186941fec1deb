"""SOAP 1.1 as Exchange Web Services uses it: safe reading, envelopes, faults; for both sides of a call.

Sources: SOAP 1.1 (W3C note of 8 May 2000), sections 4 and 6.2; Microsoft, MS-OXWSCDATA 2.2.3.9 (RequestServerVersion),
2.2.3.10 (ServerVersionInfo), 2.2.5.24 (ResponseCodeType); faults as Exchange 2010 writes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from lxml import etree

from postroom.contracts.ews.names import ERRORS_NAMESPACE, MESSAGES_NAMESPACE, PREFIXES, s, t
from postroom.errors import PermanentError
from postroom.model.limits import MB
from postroom.model.xml_text import legal_in_xml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lxml.etree import _Element as Element

CONTENT_TYPE: Final = "text/xml; charset=utf-8"

VERSIONS: Final = ("Exchange2007", "Exchange2007_SP1", "Exchange2010", "Exchange2010_SP1", "Exchange2010_SP2")
"""Schema versions that are served, oldest first: WorkMail's. All get the same answers."""

VERSION: Final = VERSIONS[-1]
"""The version in each answer's header, whatever the request asked for."""

SERVER_VERSION: Final = {
    "MajorVersion": "14",
    "MinorVersion": "2",
    "MajorBuildNumber": "247",
    "MinorBuildNumber": "5",
    "Version": VERSION,
}
"""Attributes of ServerVersionInfo: Exchange 2010 SP2 as released; clients read the schema version from the numbers."""

SCHEMA_VALIDATION: Final = "ErrorSchemaValidation"
INVALID_SERVER_VERSION: Final = "ErrorInvalidServerVersion"


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a document may have. ``max_depth`` counts the root as 1 and stays under libxml2's 256."""

    max_bytes: int
    max_depth: int
    max_elements: int


REQUEST_LIMITS: Final = Limits(max_bytes=MB, max_depth=64, max_elements=20_000)
"""Of a request to our front. Ours: a question about 100 mailboxes has 40 KB, 500 elements and a depth of 7."""


class UnreadableXmlError(PermanentError):
    """No XML, or XML that is not read: a DTD, or more than the limits. The text quotes nothing of the document."""


class TooLargeXmlError(UnreadableXmlError):
    """More bytes than the limits allow."""


class FaultError(PermanentError):
    """A SOAP fault: sent by our front, or received from another server.

    Attributes:
        code: EWS ResponseCode, for example ``ErrorInvalidServerVersion``; of a received fault without one, its
            ``faultcode`` without prefix.
        text: sentence for the user.
        soap_code: ``faultcode`` where SOAP itself names it, for example ``VersionMismatch``; None for codes of EWS.
    """

    def __init__(self, code: str, text: str, soap_code: str | None = None) -> None:
        super().__init__(f"{code}: {text}")
        self.code, self.text, self.soap_code = code, text, soap_code


def schema_fault(reason: object, soap_code: str | None = None) -> FaultError:
    """Return the fault of a document that is no valid message; ``reason`` has no full stop at its end."""
    return FaultError(SCHEMA_VALIDATION, f"The request failed schema validation: {reason}.", soap_code)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A SOAP message: its header, None if it has none, and the one element in its body."""

    header: Element | None
    content: Element


@dataclass(frozen=True, slots=True)
class Call:
    """A request for an operation.

    Attributes:
        operation: local name of the body's element, for example ``GetUserAvailabilityRequest`` or ``ConvertId``.
        request: the body's element.
        header: the SOAP header.
    """

    operation: str
    request: Element
    header: Element


def parse(data: bytes, limits: Limits) -> Element:
    """Read a document of an unknown author: no DTD, no entities, nothing from network or files.

    Comments and processing instructions are left out.

    Raises:
        UnreadableXmlError: the document is not well-formed, has a DTD, or is deeper or has more elements than allowed.
        TooLargeXmlError: it has more bytes than allowed.
    """
    if len(data) > limits.max_bytes:
        raise TooLargeXmlError(f"the document has more than {limits.max_bytes:,} bytes")
    target = _Target(limits)
    parser = etree.XMLParser(target=cast("Any", target), resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root: Element = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        # lxml 6.1.3 raises the parser's own complaint where the rest of the document has a fault, too
        raise UnreadableXmlError(target.refusal or "the document is not well-formed XML") from error
    return root


class _Target:
    """Builds the tree, and stops the parser at the first thing that is not allowed: ``refusal`` says which."""

    def __init__(self, limits: Limits) -> None:
        self.refusal = ""
        self._limits = limits
        self._tree = etree.TreeBuilder()
        self._depth = self._elements = 0

    def doctype(self, *_: object) -> None:
        self._refuse("a document type declaration is not allowed")

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        # lxml 6.1.3 would also hand over prefixes, but its builder does not take its own form of a default namespace
        self._depth += 1
        self._elements += 1
        if self._depth > self._limits.max_depth:
            self._refuse(f"elements are nested deeper than {self._limits.max_depth}")
        if self._elements > self._limits.max_elements:
            self._refuse(f"there are more than {self._limits.max_elements:,} elements")
        self._tree.start(tag, cast("Any", dict(attributes)))

    def end(self, tag: str) -> None:
        self._depth -= 1
        self._tree.end(tag)

    def data(self, text: str) -> None:
        self._tree.data(text)

    def close(self) -> Element:
        return self._tree.close()

    def _refuse(self, reason: str) -> None:
        self.refusal = self.refusal or reason
        raise ValueError(reason)


def read_envelope(data: bytes, limits: Limits) -> Envelope:
    """Read a SOAP 1.1 message.

    Raises:
        UnreadableXmlError: see ``parse``.
        FaultError: XML that is no SOAP 1.1 message; ``ErrorSchemaValidation``.
    """
    root = parse(data, limits)
    if root.tag != s("Envelope"):
        version = "VersionMismatch" if etree.QName(root).localname == "Envelope" else None
        raise schema_fault("no SOAP 1.1 envelope", version)
    body = root.find(s("Body"))
    if body is None or len(body) != 1:
        raise schema_fault("the body must have one element")
    return Envelope(root.find(s("Header")), body[0])


def read_call(data: bytes) -> Call:
    """Read a request to our front.

    Raises:
        FaultError: ``ErrorMessageSizeExceeded``; ``ErrorSchemaValidation``, for everything that is no SOAP request
            in EWS's namespace; ``ErrorInvalidServerVersion``, for a version that is missing or not served.
    """
    try:
        envelope = read_envelope(data, REQUEST_LIMITS)
    except TooLargeXmlError as error:
        raise FaultError("ErrorMessageSizeExceeded", f"The request is too large: {error}.") from error
    except UnreadableXmlError as error:
        raise schema_fault(error) from error
    version = None if envelope.header is None else envelope.header.find(t("RequestServerVersion"))
    if envelope.header is None or version is None or version.get("Version") not in VERSIONS:
        raise FaultError(INVALID_SERVER_VERSION, "The specified server version is invalid.")
    name = etree.QName(envelope.content)
    if name.namespace != MESSAGES_NAMESPACE:
        raise schema_fault("not an element of EWS's messages")
    return Call(name.localname, envelope.content, envelope.header)


def read_answer(data: bytes, limits: Limits) -> Element:
    """Read another server's answer and return the element in its body.

    Raises:
        UnreadableXmlError: see ``parse``.
        FaultError: the answer is a fault, or no SOAP 1.1 message.
    """
    content = read_envelope(data, limits).content
    if content.tag == s("Fault"):
        raise _received_fault(content)
    return content


def _received_fault(fault: Element) -> FaultError:
    code = fault.findtext(f"detail/{{{ERRORS_NAMESPACE}}}ResponseCode") or fault.findtext("faultcode") or ""
    text = fault.findtext(f"detail/{{{ERRORS_NAMESPACE}}}Message") or fault.findtext("faultstring") or ""
    return FaultError(code.strip().rpartition(":")[2], " ".join(text.split()))


def request(content: Element, version: str = VERSION) -> bytes:
    """Return a request with the version that it asks for."""
    header = etree.Element(s("Header"), nsmap=PREFIXES)
    add(header, t("RequestServerVersion"), Version=version)
    return _message(header, content)


def answer(content: Element) -> bytes:
    """Return a successful answer with the server's version in its header."""
    header = etree.Element(s("Header"), nsmap=PREFIXES)
    add(header, t("ServerVersionInfo"), **SERVER_VERSION)
    return _message(header, content)


def fault(error: FaultError) -> bytes:
    """Return a fault with the server's version in its header; its HTTP status is 500 (SOAP 1.1, section 6.2)."""
    element = new(s("Fault"))
    add(element, "faultcode", f"s:{error.soap_code}" if error.soap_code else f"t:{error.code}")
    text = add(element, "faultstring", error.text)
    text.set("{http://www.w3.org/XML/1998/namespace}lang", "en-US")
    detail = add(element, "detail")
    add(detail, f"{{{ERRORS_NAMESPACE}}}ResponseCode", error.code)
    add(detail, f"{{{ERRORS_NAMESPACE}}}Message", error.text)
    return answer(element)


def _message(header: Element, content: Element) -> bytes:
    envelope = etree.Element(s("Envelope"), nsmap=PREFIXES)
    envelope.append(header)
    etree.SubElement(envelope, s("Body")).append(content)
    return etree.tostring(envelope, xml_declaration=True, encoding="utf-8")


def new(tag: str, **attributes: str) -> Element:
    """Return a new element; tags are in the notation of ``names``."""
    element = etree.Element(tag, nsmap=PREFIXES)
    element.attrib.update({name: legal_in_xml(value) for name, value in attributes.items()})
    return element


def add(parent: Element, tag: str, text: str | None = None, **attributes: str) -> Element:
    """Append an element to ``parent`` and return it; characters that XML cannot hold are replaced."""
    element = etree.SubElement(parent, tag, nsmap={"e": ERRORS_NAMESPACE} if ERRORS_NAMESPACE in tag else None)
    element.attrib.update({name: legal_in_xml(value) for name, value in attributes.items()})
    element.text = None if text is None else legal_in_xml(text)
    return element
