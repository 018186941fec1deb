"""The front's borders: who is let in, which paths and operations exist, and what hostile requests get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from lxml import etree

from postroom.contracts.ews import soap
from postroom.contracts.ews.names import ERRORS_NAMESPACE, PREFIXES, m, t
from postroom.errors import InvalidQuestionError, StoreUnavailableError
from postroom.ews import front as station
from postroom.model.free_busy import BusyEvent, BusyType, EventDetails, MailboxAvailability
from postroom.model.records import PasswordHash, Put
from tests.support.ews_front import PASSWORD, Front

if TYPE_CHECKING:
    from local.web import Response

EWS = "/EWS/Exchange.asmx"
POX = "/autodiscover/autodiscover.xml"
SVC = "/autodiscover/autodiscover.svc"
NAMESPACES = {**PREFIXES, "e": ERRORS_NAMESPACE}


def probe(version: str = "Exchange2010_SP2", operation: str = "ConvertId") -> bytes:
    request = soap.new(m(operation), DestinationFormat="EntryId")
    ids = soap.add(request, m("SourceIds"))
    soap.add(ids, t("AlternateId"), Format="EwsId", Id="DUMMY", Mailbox="DUMMY")
    return soap.request(request, version)


def availability(**changes: str) -> bytes:
    """Return a question with some texts changed."""
    values = {
        "start": "2026-07-06T09:00:00",
        "end": "2026-07-06T13:00:00",
        "interval": "30",
        "view": "Detailed",
        "mailboxes": "<t:MailboxData><t:Email><t:Address>ada@acme.example</t:Address></t:Email></t:MailboxData>",
    } | changes
    text = """<m:GetUserAvailabilityRequest xmlns:m="{m}" xmlns:t="{t}"><t:TimeZone><t:Bias>0</t:Bias></t:TimeZone>
        <m:MailboxDataArray>{mailboxes}</m:MailboxDataArray><t:FreeBusyViewOptions><t:TimeWindow>
        <t:StartTime>{start}</t:StartTime><t:EndTime>{end}</t:EndTime></t:TimeWindow>
        <t:MergedFreeBusyIntervalInMinutes>{interval}</t:MergedFreeBusyIntervalInMinutes>
        <t:RequestedView>{view}</t:RequestedView></t:FreeBusyViewOptions></m:GetUserAvailabilityRequest>"""
    return soap.request(etree.fromstring(text.format(**PREFIXES, **values)))


def fault_of(response: Response) -> str | None:
    """Return the code of a fault; each carries the server's version."""
    assert response.status == 500
    root = etree.fromstring(response.body)
    info = root.find("s:Header/t:ServerVersionInfo", NAMESPACES)
    assert info is not None
    assert info.get("Version") == "Exchange2010_SP2"
    return root.findtext("s:Body/s:Fault/detail/e:ResponseCode", namespaces=NAMESPACES)


def headers_of(response: Response) -> dict[str, str]:
    return {name.lower(): value for name, value in [*response.headers.items(), *response.repeated]}


def test_a_request_that_another_postroom_passes_on_is_a_question_that_goes_no_further(front: Front) -> None:
    for fields in ({}, {"x-postroom-passed-on": "true"}):
        assert front.post(EWS, availability(), fields=fields).status == 200
    assert [question.is_passed_on for question in front.availability.questions] == [False, True]


@pytest.mark.parametrize("path", [EWS, SVC, POX, "/any/thing"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("credentials", [("", ""), ("ada@acme.example", "wrong"), ("eve@acme.example", PASSWORD)])
def test_without_the_right_password_each_path_is_a_challenge(
    front: Front, path: str, method: str, credentials: tuple[str, str]
) -> None:
    response = front.send(method, path, probe(), *credentials)
    headers = headers_of(response)
    assert (response.status, headers["www-authenticate"]) == (401, 'Basic realm="EWS"')
    assert headers["x-soap-enabled"] == "True"


def test_a_request_that_passed_no_authorizer_is_refused(front: Front) -> None:
    event = {"httpMethod": "POST", "pathParameters": {"service": "EWS", "file": "Exchange.asmx"}, "body": "x"}
    answered = station.answer(event, front.context, now_ms=0)
    assert (answered.response["statusCode"], answered.code) == (401, "Unauthorized")
    assert answered.response["headers"]["WWW-Authenticate"] == 'Basic realm="EWS"'


@pytest.mark.parametrize("path", [EWS, "/ews/exchange.asmx", "/EWS/exchange.asmx", "/ews/Exchange.ASMX"])
def test_ews_is_found_whatever_the_case_of_its_path(front: Front, path: str) -> None:
    response = front.post(path, probe())
    assert response.status == 200
    assert headers_of(response)["content-type"] == "text/xml; charset=utf-8"


@pytest.mark.parametrize("path", ["/ews/services.wsdl", "/ews/messages.xsd", "/ews/types.xsd", "/owa/x", "/ews/%2e"])
def test_what_is_not_served_is_not_found(front: Front, path: str) -> None:
    assert front.send("GET", path, b"", "ada@acme.example").status == 404


@pytest.mark.parametrize("path", [EWS, SVC])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_only_post_is_allowed(front: Front, path: str, method: str) -> None:
    response = front.send(method, path, probe(), "ada@acme.example")
    assert (response.status, headers_of(response)["allow"]) == (405, "POST")


def test_the_probe_gets_an_error_for_its_id_and_the_version_in_the_header(front: Front) -> None:
    root = etree.fromstring(front.post(EWS, probe()).body)
    message = root.find("s:Body/m:ConvertIdResponse/m:ResponseMessages/m:ConvertIdResponseMessage", NAMESPACES)
    assert message is not None
    assert message.get("ResponseClass") == "Error"
    assert message.findtext("m:ResponseCode", namespaces=NAMESPACES) == "ErrorInvalidIdMalformed"
    assert root.find("s:Header/t:ServerVersionInfo", NAMESPACES) is not None


@pytest.mark.parametrize("version", ["Exchange2013", "Exchange2013_SP1", "Exchange2016", ""])
def test_newer_versions_are_an_invalid_server_version(front: Front, version: str) -> None:
    assert fault_of(front.post(EWS, probe(version))) == "ErrorInvalidServerVersion"


@pytest.mark.parametrize("version", soap.VERSIONS)
def test_every_version_that_is_served_gets_the_same_answer(front: Front, version: str) -> None:
    assert front.post(EWS, probe(version)).body == front.post(EWS, probe()).body


@pytest.mark.parametrize("operation", ["GetFolder", "FindItem", "GetUserAvailability", "ConvertIdResponse", "x"])
def test_other_operations_are_a_fault(front: Front, operation: str) -> None:
    assert fault_of(front.post(EWS, probe(operation=operation))) == "ErrorInvalidOperation"


def test_a_request_as_another_user_is_denied(front: Front) -> None:
    header = b"<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>eve@acme.example</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>"  # noqa: E501
    body = probe().replace(b"</s:Header>", header + b"</s:Header>")
    assert fault_of(front.post(EWS, body)) == "ErrorImpersonateUserDenied"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "ErrorSchemaValidation"),
        (b"<a>" * 10_000, "ErrorSchemaValidation"),
        (b"x" * 2_000_000, "ErrorMessageSizeExceeded"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]>' + probe(), "ErrorSchemaValidation"),
        (probe().replace(b"xmlsoap.org/soap/envelope", b"example.org/envelope"), "ErrorSchemaValidation"),
        (probe().replace(b"2006/messages", b"2006/other"), "ErrorSchemaValidation"),
        (probe().replace(b"RequestServerVersion", b"Other"), "ErrorInvalidServerVersion"),
        (probe().replace(b"SourceIds", b"Other"), "ErrorSchemaValidation"),
        (soap.request(soap.new(m("ResolveNames"))), "ErrorSchemaValidation"),
        (soap.request(soap.new(m("GetUserAvailabilityRequest"))), "ErrorSchemaValidation"),
    ],
)  # fmt: skip
def test_hostile_requests_end_in_a_fault(front: Front, body: bytes, code: str) -> None:
    assert fault_of(front.post(EWS, body)) == code


def test_ten_megabytes_never_reach_the_function(front: Front) -> None:
    """API Gateway's own answer: an event for Lambda has at most 6 MB."""
    assert front.post(EWS, b"x" * 10_000_000).status == 413


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"end": "2026-07-06T09:00:00"}, "ErrorInvalidTimeInterval"),
        ({"end": "2026-07-05T09:00:00"}, "ErrorInvalidTimeInterval"),
        ({"end": "2026-09-07T09:00:01"}, "ErrorTimeIntervalTooBig"),
        ({"interval": "4"}, "ErrorInvalidMergedFreeBusyInterval"),
        ({"interval": "1441"}, "ErrorInvalidMergedFreeBusyInterval"),
        ({"interval": "x"}, "ErrorInvalidMergedFreeBusyInterval"),
        ({"view": "Everything"}, "ErrorInvalidFreeBusyViewType"),
        ({"mailboxes": ""}, "ErrorMailboxDataArrayEmpty"),
        ({"mailboxes": "<t:MailboxData/>" * 101}, "ErrorMailboxDataArrayTooBig"),
        ({"start": "today"}, "ErrorSchemaValidation"),
    ],
)
def test_questions_outside_the_limits_are_refused_before_anybody_is_asked(
    front: Front, changes: dict[str, str], code: str
) -> None:
    assert fault_of(front.post(EWS, availability(**changes))) == code
    assert front.availability.questions == []


@pytest.mark.parametrize("changes", [{}, {"end": "2026-09-06T09:00:00", "interval": "1440"}, {"interval": "5"}])
def test_questions_within_the_limits_are_answered(front: Front, changes: dict[str, str]) -> None:
    assert front.post(EWS, availability(**changes)).status == 200
    assert len(front.availability.questions) == 1


@pytest.mark.parametrize("long", [1, 2])
def test_an_address_that_is_too_long_fails_alone(front: Front, long: int) -> None:
    boxes = [f"{'x' * 400}@acme.example"] * long + ["ada@acme.example"] * (2 - long)
    front.availability.results["ada@acme.example"] = MailboxAvailability("ada@acme.example", ())
    written = "".join(
        f"<t:MailboxData><t:Email><t:Address>{each}</t:Address></t:Email></t:MailboxData>" for each in boxes
    )
    root = etree.fromstring(front.post(EWS, availability(mailboxes=written)).body)
    codes = [each.text for each in root.iter(m("ResponseCode"))]
    assert codes == ["ErrorMailRecipientNotFound"] * long + ["NoError"] * (2 - long)
    assert [question.mailboxes for question in front.availability.questions] == [("ada@acme.example",)] * (2 - long)


@pytest.mark.parametrize("subject", ["x" * 200, "\u00e9" * 200])
def test_an_answer_that_lambda_would_refuse_is_a_fault(
    front: Front, monkeypatch: pytest.MonkeyPatch, subject: str
) -> None:
    monkeypatch.setattr(station, "MAX_ANSWER_BYTES", 256_000)
    hour_ms, start_ms = 3_600_000, 1_783_328_400_000  # 2026-07-06T09:00:00Z
    events = (BusyEvent(start_ms, start_ms + hour_ms, BusyType.BUSY, EventDetails(subject)),)
    front.availability.results["ada@acme.example"] = MailboxAvailability("ada@acme.example", events * 100)
    assert front.post(EWS, availability()).status == 200
    front.availability.results["ada@acme.example"] = MailboxAvailability("ada@acme.example", events * 500)
    assert fault_of(front.post(EWS, availability())) == "ErrorMessageSizeExceeded"
    assert front.post(EWS, availability(view="FreeBusy")).status == 200


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StoreUnavailableError("no answer"), "ErrorInternalServerTransientError"),
        (InvalidQuestionError("an address is too long"), "ErrorInvalidArgument"),
    ],
)
def test_a_question_that_cannot_be_answered_is_a_fault(front: Front, error: Exception, code: str) -> None:
    front.availability.error = error
    assert fault_of(front.post(EWS, availability())) == code


def test_the_log_gets_no_content_of_a_request(front: Front) -> None:
    event: dict[str, Any] = {
        "httpMethod": "POST",
        "pathParameters": {"service": "ews", "file": "exchange.asmx"},
        "body": probe(operation="secret-name").decode(),
        "requestContext": {
            "authorizer": {"organizationId": "m-1", "userId": "id-ada", "email": "ada@acme.example", "userName": "ada"}
        },
    }
    answered = station.answer(event, front.context, now_ms=0)
    assert (answered.operation, answered.code, answered.organization_id) == ("", "ErrorInvalidOperation", "m-1")
    event["body"] = probe().decode()
    assert station.answer(event, front.context, now_ms=0).operation == "ConvertId"


def test_every_request_is_authenticated_whatever_the_path(front: Front) -> None:
    for path in (EWS, EWS, POX, SVC):
        front.post(path, probe())
    assert front.passwords.compared == 4
    hashed = front.passwords.hash("Another-Password-9")
    front.directory.commit([Put(PasswordHash(organization_id="m-1", user_id="id-ada", hash=hashed))])
    assert front.post(EWS, probe()).status == 401
