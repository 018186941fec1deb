"""SOAP in both directions: what is read, what is refused, and that each answer says which version it is."""

from __future__ import annotations

import time

import pytest
from exchangelib.errors import ErrorInvalidServerVersion
from exchangelib.services import ConvertId
from exchangelib.version import Version
from lxml import etree

from postroom.contracts.ews import soap
from postroom.contracts.ews.names import ERRORS_NAMESPACE, PREFIXES, SOAP_NAMESPACE, m, t

NAMESPACES = {**PREFIXES, "e": ERRORS_NAMESPACE}

CALL = """<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
    xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"
    xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">
  <s:Header><!-- no comment --><t:RequestServerVersion Version="{version}"/></s:Header>
  <s:Body><m:ConvertId DestinationFormat="EntryId"/></s:Body>
</s:Envelope>"""


def call(version: str = "Exchange2010_SP2") -> str:
    return CALL.format(version=version)


def refused(data: bytes) -> soap.FaultError:
    with pytest.raises(soap.FaultError) as raised:
        soap.read_call(data)
    return raised.value


@pytest.mark.parametrize("version", soap.VERSIONS)
def test_each_version_that_is_served_is_read(version: str) -> None:
    read = soap.read_call(call(version).encode())
    assert (read.operation, read.request.get("DestinationFormat")) == ("ConvertId", "EntryId")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_encodings_than_plain_utf_8_are_read(encoding: str) -> None:
    text = call().replace("utf-8", "utf-16" if encoding == "utf-16" else "utf-8")
    assert soap.read_call(text.encode(encoding)).operation == "ConvertId"


@pytest.mark.parametrize("version", ["Exchange2013", "Exchange2016", "V2018_01_08", "", "exchange2010"])
def test_another_version_is_an_invalid_version(version: str) -> None:
    assert refused(call(version).encode()).code == "ErrorInvalidServerVersion"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('<t:RequestServerVersion Version="Exchange2010_SP2"/>', ""),
        ('<t:RequestServerVersion Version="Exchange2010_SP2"/>', "<t:RequestServerVersion/>"),
        ("t:RequestServerVersion", "m:RequestServerVersion"),
        ("s:Header", "s:Head"),
    ],
)
def test_no_version_is_an_invalid_version(old: str, new: str) -> None:
    assert refused(call().replace(old, new).encode()).code == "ErrorInvalidServerVersion"


@pytest.mark.parametrize(
    ("old", "new", "soap_code"),
    [
        ("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope", "VersionMismatch"),
        ("http://schemas.xmlsoap.org/soap/envelope/", "urn:other", "VersionMismatch"),
        ("s:Envelope", "s:Letter", None),
        ("services/2006/messages", "services/2006/other", None),
        ("s:Body", "s:Trunk", None),
        ('<m:ConvertId DestinationFormat="EntryId"/>', "", None),
        ('<m:ConvertId DestinationFormat="EntryId"/>', "<m:ConvertId/><m:ConvertId/>", None),
        ("</s:Envelope>", "", None),
        ("utf-8", "no-such-charset", None),
        ('<?xml version="1.0" encoding="utf-8"?>', "", None),
    ],
)
def test_what_is_no_request_fails_schema_validation(old: str, new: str, soap_code: str | None) -> None:
    changed = call().replace(old, new)
    if not changed.startswith("<?xml"):
        changed = "{" + changed
    error = refused(changed.encode())
    assert (error.code, error.soap_code) == ("ErrorSchemaValidation", soap_code)


@pytest.mark.parametrize("data", [b"", b" ", b"\0" * 100, b"{}", "<a>\ud800</a>".encode("utf-8", "surrogatepass")])
def test_what_is_no_xml_fails_schema_validation(data: bytes) -> None:
    assert refused(data).code == "ErrorSchemaValidation"


DTDS = (
    '<!DOCTYPE a [<!ENTITY x "y">]>',
    '<!DOCTYPE a SYSTEM "/etc/hostname">',
    '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]>',
    '<!DOCTYPE a [<!ENTITY x0 "lol">' + "".join(f'<!ENTITY x{n + 1} "{f"&x{n};" * 10}">' for n in range(9)) + "]>",
)


@pytest.mark.parametrize("dtd", DTDS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_declaration_is_refused_before_anything_is_expanded(dtd: str, encoding: str) -> None:
    text = call().replace("?>", f"?>{dtd}", 1).replace('"EntryId"', '"&x9;&x;"').replace("utf-8", encoding)
    began_s = time.perf_counter()
    error = refused(text.encode(encoding))
    assert (error.code, "type declaration" in error.text) == ("ErrorSchemaValidation", True)
    assert time.perf_counter() - began_s < 1


def test_an_entity_without_declaration_is_refused() -> None:
    assert refused(call().replace('"EntryId"', '"&x;"').encode()).code == "ErrorSchemaValidation"


def test_ten_megabytes_are_too_large() -> None:
    assert refused(call().replace("EntryId", "x" * 10_000_000).encode()).code == "ErrorMessageSizeExceeded"


@pytest.mark.parametrize("depth", [65, 257, 10_000])
def test_deep_nesting_is_refused(depth: int) -> None:
    error = refused(b"<a>" * depth + b"</a>" * depth)
    assert (error.code, "deeper than 64" in error.text) == ("ErrorSchemaValidation", True)


def test_many_elements_are_refused() -> None:
    error = refused(b"<a>" + b"<a/>" * 20_000 + b"</a>")
    assert (error.code, "20,000 elements" in error.text) == ("ErrorSchemaValidation", True)


def test_the_limits_themselves_are_allowed() -> None:
    limits = soap.Limits(max_bytes=27, max_depth=3, max_elements=4)
    document = b"<a><b><c/></b><b>12</b></a>"
    assert len(soap.parse(document, limits)) == 2
    for tighter in (soap.Limits(26, 3, 4), soap.Limits(27, 2, 4), soap.Limits(27, 3, 3)):
        with pytest.raises(soap.UnreadableXmlError):
            soap.parse(document, tighter)


def test_default_namespaces_are_read() -> None:
    """Outlook declares them; a parser target of lxml 6.1.3 gets ``''`` for their prefix, which its builder refuses."""
    text = call().replace(
        "<m:ConvertId", '<ConvertId xmlns="http://schemas.microsoft.com/exchange/services/2006/messages"'
    )
    assert soap.read_call(text.encode()).operation == "ConvertId"
    assert soap.parse(b'<a xmlns="urn:a"><b xmlns=""/></a>', soap.REQUEST_LIMITS)[0].tag == "b"


def test_comments_and_processing_instructions_are_left_out() -> None:
    parsed = soap.parse(b"<?x y?><a>1<!-- 2 -->3<?x y?>4</a>", soap.REQUEST_LIMITS)
    assert (parsed.text, len(parsed)) == ("134", 0)


def test_every_answer_says_which_version_it_is() -> None:
    fault = soap.fault(soap.FaultError("ErrorInvalidServerVersion", "The specified server version is invalid."))
    for data in (soap.answer(soap.new(m("ConvertIdResponse"))), fault):
        info = etree.fromstring(data).find("s:Header/t:ServerVersionInfo", NAMESPACES)
        assert info is not None
        numbers = ("MajorVersion", "MinorVersion", "MajorBuildNumber", "MinorBuildNumber", "Version")
        assert [info.get(name) for name in numbers] == ["14", "2", "247", "5", "Exchange2010_SP2"]


def test_exchangelib_reads_the_version_and_the_fault() -> None:
    data = soap.fault(soap.FaultError("ErrorInvalidServerVersion", "The specified server version is invalid."))
    root = soap.parse(data, soap.REQUEST_LIMITS)
    header, body = root
    version = Version.from_soap_header("Exchange2016", header)
    assert (version.api_version, str(version.build)) == ("Exchange2010_SP2", "14.2.247.5")
    with pytest.raises(ErrorInvalidServerVersion, match=r"The specified server version is invalid\."):
        ConvertId._raise_soap_errors(body[0])


def test_a_fault_is_written_as_exchange_writes_it() -> None:
    data = soap.fault(soap.FaultError("ErrorSchemaValidation", "no\x00 <good>"))
    fault = etree.fromstring(data).find("s:Body/s:Fault", NAMESPACES)
    assert fault is not None
    assert fault.findtext("faultcode") == "t:ErrorSchemaValidation"
    assert fault.findtext("faultstring") == "no\ufffd <good>"
    assert fault.findtext("detail/e:ResponseCode", namespaces=NAMESPACES) == "ErrorSchemaValidation"
    assert fault.findtext("detail/e:Message", namespaces=NAMESPACES) == "no\ufffd <good>"


def test_a_fault_of_soap_itself_has_soaps_code() -> None:
    data = soap.fault(soap.FaultError("ErrorSchemaValidation", "no", "VersionMismatch"))
    assert b"<faultcode>s:VersionMismatch</faultcode>" in data


def test_a_request_is_read_as_it_was_written() -> None:
    request = soap.new(m("GetServerTimeZones"), ReturnFullTimeZoneData="true")
    soap.add(soap.add(request, m("Ids")), t("Id"), "UTC & \ud800more")
    read = soap.read_call(soap.request(request))
    assert read.operation == "GetServerTimeZones"
    assert read.request.findtext(f"{m('Ids')}/{t('Id')}") == "UTC & \ufffdmore"


def test_an_answer_is_read_as_it_was_written() -> None:
    assert soap.read_answer(soap.answer(soap.new(m("ConvertIdResponse"))), soap.REQUEST_LIMITS).tag.endswith(
        "}ConvertIdResponse"
    )


@pytest.mark.parametrize(
    ("fault", "code", "text"),
    [
        ("<faultcode>a:ErrorServerBusy</faultcode><faultstring> a\n b </faultstring>", "ErrorServerBusy", "a b"),
        ("<faultcode>s:Client</faultcode>", "Client", ""),
        ("", "", ""),
    ],
)  # fmt: skip
def test_a_received_fault_is_raised(fault: str, code: str, text: str) -> None:
    data = f'<s:Envelope xmlns:s="{SOAP_NAMESPACE}"><s:Body><s:Fault>{fault}</s:Fault></s:Body></s:Envelope>'
    with pytest.raises(soap.FaultError) as raised:
        soap.read_answer(data.encode(), soap.REQUEST_LIMITS)
    assert (raised.value.code, raised.value.text) == (code, text)


def test_our_own_fault_is_received_as_it_was_sent() -> None:
    with pytest.raises(soap.FaultError) as raised:
        soap.read_answer(soap.fault(soap.FaultError("ErrorAccessDenied", "No.")), soap.REQUEST_LIMITS)
    assert (raised.value.code, raised.value.text) == ("ErrorAccessDenied", "No.")
