"""AutoDiscover: exchangelib's own search ends at the front; POX for Outlook; what others ask gets its error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dns.resolver
import pytest
from exchangelib import DELEGATE, Account, Credentials
from exchangelib.autodiscover import cache
from exchangelib.autodiscover.discovery import Autodiscovery
from exchangelib.errors import ErrorNonExistentMailbox, UnauthorizedError
from lxml import etree

from postroom.contracts.autodiscover import POX_ANSWER, POX_ENVELOPE, POX_REQUEST
from postroom.ews import front as station
from postroom.model.directory import EntityKind
from tests.support.ews_front import PASSWORD

if TYPE_CHECKING:
    from pathlib import Path

    from local.web import Response
    from tests.support.ews_front import Front

POX = "/autodiscover/autodiscover.xml"
SVC = "/Autodiscover/Autodiscover.svc"
EWS = "https://mail.acme.example/EWS/Exchange.asmx"


@pytest.fixture
def discovery(connection: Front, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Front:
    """Names of acme.example resolve for exchangelib; it keeps what it finds in a folder of its own."""

    def resolve(_self: Any, name: str, kind: str = "A", **_: Any) -> list[str]:
        if kind != "A" or not name.endswith("autodiscover.acme.example."):
            raise dns.resolver.NXDOMAIN
        return ["127.0.0.1"]

    monkeypatch.setattr(dns.resolver.Resolver, "resolve", resolve)
    monkeypatch.setattr(cache, "AUTODISCOVER_PERSISTENT_STORAGE", tmp_path / "exchangelib")
    cache.autodiscover_cache._protocols.clear()
    return connection


def test_exchangelib_finds_the_front_by_the_domain_alone(discovery: Front) -> None:
    credentials = Credentials("ada@acme.example", PASSWORD)
    account = Account("Ada@acme.example", credentials=credentials, autodiscover=True, access_type=DELEGATE)
    assert account.primary_smtp_address == "ada@acme.example"
    assert account.protocol.service_endpoint == "https://autodiscover.acme.example/EWS/Exchange.asmx"
    assert account.protocol.version.api_version == "Exchange2010_SP2"
    paths = [(each.path, each.headers.get("Authorization") is not None) for each in discovery.sent[:2]]
    assert paths == [("/autodiscover/autodiscover.svc", False), ("/autodiscover/autodiscover.svc", True)]


def test_exchangelib_is_told_that_a_user_does_not_exist(discovery: Front) -> None:
    search = Autodiscovery("nobody@acme.example", Credentials("ada@acme.example", PASSWORD))
    with pytest.raises(ErrorNonExistentMailbox):
        search.discover()


def test_exchangelib_finds_nothing_with_a_wrong_password(discovery: Front) -> None:
    with pytest.raises(UnauthorizedError):
        Autodiscovery("ada@acme.example", Credentials("ada@acme.example", "wrong")).discover()


def pox_body(address: str, schema: str = POX_ANSWER, request: str = POX_REQUEST) -> str:
    return (
        f'<Autodiscover xmlns="{request}"><Request><EMailAddress>{address}</EMailAddress>'
        f"<AcceptableResponseSchema>{schema}</AcceptableResponseSchema></Request></Autodiscover>"
    )


def pox(front: Front, address: str, **more: str) -> Response:
    return front.post(POX, pox_body(address, **more))


def error_of(response: Response) -> str | None:
    assert response.status == 200
    return etree.fromstring(response.body).findtext(f".//{{{POX_ENVELOPE}}}ErrorCode")


@pytest.mark.parametrize("address", ["ada@acme.example", "ADA@ACME.EXAMPLE", "room-1@acme.example"])
def test_the_answer_in_pox_form_has_the_address_and_the_urls(front: Front, address: str) -> None:
    front.user("room-1", kind=EntityKind.RESOURCE, attributes={})
    response = pox(front, address)
    assert dict(response.repeated)["X-SOAP-Enabled"] == "True"
    root = etree.fromstring(response.body)
    assert root.tag == f"{{{POX_ENVELOPE}}}Autodiscover"
    answer = root.find(f"{{{POX_ANSWER}}}Response")
    assert answer is not None

    def texts(name: str) -> list[str | None]:
        return [each.text for each in answer.iter(f"{{{POX_ANSWER}}}{name}")]

    assert texts("AutoDiscoverSMTPAddress") == [address.lower()]
    assert texts("DisplayName") == ["Ada" if "ada" in address.lower() else "room-1"]
    assert (texts("AccountType"), texts("Action")) == (["email"], ["settings"])
    assert texts("Type") == ["EXCH", "EXPR"]
    assert texts("EwsUrl") == texts("ASUrl") == [EWS.replace("https", "http")] * 2


@pytest.mark.parametrize(
    "address", ["nobody@acme.example", "eve@other.example", "sales@acme.example", "ghost@acme.example", ""]
)
def test_an_address_that_nobody_may_see_is_not_found(front: Front, address: str) -> None:
    front.user("eve", organization_id="m-2")
    front.user("sales", kind=EntityKind.GROUP, role=None)
    front.user("ghost", hidden=True)
    assert error_of(pox(front, address)) == "500"


def test_a_hidden_user_finds_itself(front: Front) -> None:
    front.user("ghost", hidden=True)
    body = pox_body("ghost@acme.example")
    assert error_of(front.post(POX, body, user="ghost@acme.example")) is None


MOBILE = "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/"


def test_clients_of_active_sync_are_told_that_there_is_none(front: Front) -> None:
    mobile = {"request": f"{MOBILE}requestschema/2006", "schema": f"{MOBILE}responseschema/2006"}
    assert error_of(pox(front, "ada@acme.example", **mobile)) == "601"
    assert error_of(pox(front, "ada@acme.example", schema="urn:other")) == "601"


@pytest.mark.parametrize(
    "body", ["", "<a/>", "<!DOCTYPE a><a/>", f'<Autodiscover xmlns="{POX_REQUEST}"/>', "x" * 2_000_000]
)
def test_what_is_no_request_in_pox_form_is_invalid(front: Front, body: str) -> None:
    response = front.post(POX, body)
    assert error_of(response) == "600"
    assert dict(response.repeated)["X-SOAP-Enabled"] == "True"


def test_a_look_at_the_headers_shows_that_soap_is_served(front: Front) -> None:
    """As ews-javascript-api does before its POST; with and without a password."""
    for user in ("ada@acme.example", ""):
        response = front.send("GET", POX, b"", user)
        assert {**response.headers, **dict(response.repeated)}["X-SOAP-Enabled"] == "True"


SOAP = """<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
    xmlns:a="http://schemas.microsoft.com/exchange/2010/Autodiscover"><s:Header>
    <a:RequestedServerVersion>Exchange2013</a:RequestedServerVersion></s:Header><s:Body>
    <a:{operation}><a:Request><a:Users>{users}</a:Users><a:RequestedSettings>{settings}</a:RequestedSettings>
    </a:Request></a:{operation}></s:Body></s:Envelope>"""
NAMESPACE = "{http://schemas.microsoft.com/exchange/2010/Autodiscover}"


def soap(users: list[str], settings: list[str], operation: str = "GetUserSettingsRequestMessage") -> str:
    return SOAP.format(
        operation=operation,
        users="".join(f"<a:User><a:Mailbox>{each}</a:Mailbox></a:User>" for each in users),
        settings="".join(f"<a:Setting>{each}</a:Setting>" for each in settings),
    )


def test_each_user_has_its_settings_and_what_is_not_available(front: Front) -> None:
    asked = soap(
        ["ada@acme.example", "nobody@acme.example"], ["ExternalEwsUrl", "InternalOABUrl", "EwsSupportedSchemas"]
    )
    root = etree.fromstring(front.post(SVC, asked).body)
    known, unknown = root.iter(f"{NAMESPACE}UserResponse")
    values = {
        each.findtext(f"{NAMESPACE}Name"): each.findtext(f"{NAMESPACE}Value")
        for each in known.iter(f"{NAMESPACE}UserSetting")
    }
    schemas = "Exchange2007, Exchange2007_SP1, Exchange2010, Exchange2010_SP1, Exchange2010_SP2"
    assert values == {"ExternalEwsUrl": EWS.replace("https", "http"), "EwsSupportedSchemas": schemas}
    (missing,) = known.iter(f"{NAMESPACE}UserSettingError")
    assert missing.findtext(f"{NAMESPACE}SettingName") == "InternalOABUrl"
    assert missing.findtext(f"{NAMESPACE}ErrorCode") == "SettingIsNotAvailable"
    assert [each.findtext(f"{NAMESPACE}ErrorCode") for each in (known, unknown)] == ["NoError", "InvalidUser"]
    assert root.findtext(f".//{NAMESPACE}ServerVersionInfo/{NAMESPACE}Version") == "Exchange2010_SP2"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (soap(["a@acme.example"], ["ExternalEwsUrl"], "GetDomainSettingsRequestMessage"), "ErrorInvalidOperation"),
        (soap([], ["ExternalEwsUrl"]), "ErrorSchemaValidation"),
        (soap(["a@acme.example"] * 91, ["ExternalEwsUrl"]), "ErrorSchemaValidation"),
        (soap(["a@acme.example"], []), "ErrorSchemaValidation"),
        ("", "ErrorSchemaValidation"),
        ("<a>" * 1000, "ErrorSchemaValidation"),
        ("<!DOCTYPE a><a/>", "ErrorSchemaValidation"),
    ],
)
def test_other_requests_in_soap_form_are_a_fault(front: Front, body: str, code: str) -> None:
    response = front.post(SVC, body)
    assert response.status == 500
    assert code.encode() in response.body


@pytest.mark.parametrize("path", ["/v1", "/mail", ""])
def test_the_url_of_ews_is_beside_the_path_that_was_asked(front: Front, path: str) -> None:
    """The stage, a custom domain's base path, or nothing."""
    event: dict[str, Any] = {
        "httpMethod": "POST",
        "headers": {"X-Forwarded-Proto": "https"},
        "pathParameters": {"service": "Autodiscover", "file": "autodiscover.xml"},
        "body": pox_body("ada@acme.example"),
        "requestContext": {
            "domainName": "abc.execute-api.us-east-1.amazonaws.com",
            "path": f"{path}/Autodiscover/autodiscover.xml",
            "authorizer": {"organizationId": "m-1", "userId": "id-ada", "email": "ada@acme.example", "userName": "ada"},
        },
    }
    answered = station.answer(event, front.context, now_ms=0)
    url = f"https://abc.execute-api.us-east-1.amazonaws.com{path}/EWS/Exchange.asmx"
    assert f"<EwsUrl>{url}</EwsUrl>" in answered.response["body"]
