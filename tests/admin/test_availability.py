"""Availability configurations: what the API accepts and returns, and where the password of an EWS server is."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.memory.availability_passwords import MemoryAvailabilityPasswords
from postroom.admin.availability import MAX_CONFIGURATIONS
from postroom.contracts.availability_query import ProviderTest
from postroom.errors import StoreUnavailableError
from postroom.model.availability import EwsProvider, LambdaProvider

from .conftest import START

if TYPE_CHECKING:
    from collections.abc import Callable

Create, Update = "CreateAvailabilityConfiguration", "UpdateAvailabilityConfiguration"
Delete, List = "DeleteAvailabilityConfiguration", "ListAvailabilityConfigurations"
Test = "TestAvailabilityConfiguration"

DOMAIN = "partner.example"
PASSWORD = "s3cret wörd"
SHOWN = {"EwsEndpoint": "https://Mail.partner.example/EWS/Exchange.asmx", "EwsUsername": "free-busy@partner.example"}
EWS = {"EwsProvider": {**SHOWN, "EwsPassword": PASSWORD}}
FUNCTION = "arn:aws:lambda:eu-west-1:210987654321:function:free-busy"
CAP = {"LambdaProvider": {"LambdaArn": FUNCTION}}


@pytest.fixture
def held(context: Any) -> MemoryAvailabilityPasswords:
    found = context.availability_passwords
    assert isinstance(found, MemoryAvailabilityPasswords)
    return found


@pytest.fixture
def password(context: Any, acme: str, held: MemoryAvailabilityPasswords) -> Callable[..., str]:
    """The password that would be sent to the EWS server of a domain."""

    def read(domain: str = DOMAIN) -> str:
        provider = context.directory.availability(acme, domain).provider
        assert isinstance(provider, EwsProvider)
        return held.secrets[acme, domain][provider.password_version]

    return read


def ews(**changes: str) -> dict[str, Any]:
    return {"EwsProvider": {**EWS["EwsProvider"], **changes}}


def test_a_configuration_comes_back_as_it_was_made_and_its_password_never(
    caller: Any, acme: str, password: Callable[..., str]
) -> None:
    named = {"OrganizationId": acme}
    assert caller(Create, **named, DomainName="Partner.Example", **EWS) == {}
    assert caller(Create, **named, DomainName="example.com", **CAP) == {}
    first, second = caller(List, **named)["AvailabilityConfigurations"]
    assert second.pop("DateCreated") == second.pop("DateModified")
    assert second.pop("DomainName") == DOMAIN
    assert second == {"ProviderType": "EWS", "EwsProvider": SHOWN}
    assert START / 1000 < first.pop("DateCreated") == first.pop("DateModified") < START / 1000 + 10
    assert first == {"DomainName": "example.com", "ProviderType": "LAMBDA", **CAP}
    assert password() == PASSWORD


@pytest.mark.parametrize("operation", [Create, Update])
@pytest.mark.parametrize(
    ("providers", "said"),
    [
        ({}, "exactly one provider"),
        ({**EWS, **CAP}, "exactly one provider"),
        (ews(EwsEndpoint="http://mail.partner.example/EWS/Exchange.asmx"), "not an https URL"),
        (ews(EwsEndpoint="https://mail.partner.example"), "'ewsProvider.ewsEndpoint'"),
        (ews(EwsEndpoint="https://mail.partner.example/" + "x" * 256), "'ewsProvider.ewsEndpoint'"),
        (ews(EwsEndpoint="https://ann:pw@mail.partner.example/"), "'ewsProvider.ewsEndpoint'"),
        (ews(EwsEndpoint="https://[::1]/"), "'ewsProvider.ewsEndpoint'"),
        (ews(EwsEndpoint="https://mail.partner.example/a b"), "not an https URL"),
        (ews(EwsEndpoint="https://mail.partner.example/a\r"), "not an https URL"),
        (ews(EwsEndpoint="https://mail.partner.example/#x"), "not an https URL"),
        (ews(EwsEndpoint="https://mail.partner.example:0/"), "a port is a number"),
        (ews(EwsEndpoint="https://mail.partner.example:65536/"), "a port is a number"),
        (ews(EwsEndpoint="https://mail.partner.example:0000443/"), "not an https URL"),
        (ews(EwsEndpoint="https://localhost/EWS"), "localhost is not a name on the public internet"),
        (ews(EwsEndpoint="https://169.254.169.254/EWS"), "169.254.169.254 is not an address on the public internet"),
        (ews(EwsEndpoint="https://10.0.0.1:443/EWS"), "10.0.0.1 is not an address on the public internet"),
        (ews(EwsEndpoint="https://127.1/EWS"), "127.1 is neither an address nor a name"),
        (ews(EwsEndpoint="https://exchange/EWS"), "exchange has no dot"),
        (ews(EwsEndpoint="https://..//"), "is not a host name"),
        (ews(EwsUsername=""), "'ewsProvider.ewsUsername'"),
        (ews(EwsUsername="a\r\nb"), "'ewsProvider.ewsUsername'"),
        (ews(EwsUsername="ann:x"), "EwsUsername: basic authentication allows no colon"),
        (ews(EwsUsername="ann\x7f"), "EwsUsername: basic authentication allows no colon"),
        (ews(EwsPassword=""), "'ewsProvider.ewsPassword'"),
        (ews(EwsPassword="long" * 65), "'ewsProvider.ewsPassword'"),
        (ews(EwsPassword="s3cret\x85"), "EwsPassword: basic authentication allows no control characters"),
        ({"EwsProvider": SHOWN}, "'ewsProvider.ewsPassword'"),
        ({"LambdaProvider": {}}, "'lambdaProvider.lambdaArn'"),
        ({"LambdaProvider": {"LambdaArn": FUNCTION.replace("lambda", "sns")}}, "'lambdaProvider.lambdaArn'"),
        ({"LambdaProvider": {"LambdaArn": FUNCTION + ":a:b"}}, "'lambdaProvider.lambdaArn'"),
    ],
)
def test_what_is_no_provider_is_refused_in_words_without_the_password(
    caller: Any, acme: str, held: MemoryAvailabilityPasswords, operation: str, providers: dict[str, Any], said: str
) -> None:
    request = {"OrganizationId": acme, "DomainName": DOMAIN, **providers}
    text = caller.refused("InvalidParameterException", operation, **request)
    assert said in text
    assert str(providers.get("EwsProvider", {}).get("EwsPassword") or "?" * 9) not in text
    assert caller(List, OrganizationId=acme) == {"AvailabilityConfigurations": []}
    assert held.secrets == {}


@pytest.mark.parametrize(
    "url",
    [
        "https://Exchange.corp.internal:8443/EWS/Exchange.asmx",
        "http://127.0.0.1:4568/EWS/Exchange.asmx",
        "https://mail.partner.example/",
    ],
)
def test_a_server_that_the_stack_lists_may_be_private(caller: Any, acme: str, url: str) -> None:
    caller(Create, OrganizationId=acme, DomainName=DOMAIN, **ews(EwsEndpoint=url))
    (found,) = caller(List, OrganizationId=acme)["AvailabilityConfigurations"]
    assert found["EwsProvider"]["EwsEndpoint"] == url


@pytest.mark.parametrize(
    "url",
    [
        "https://exchange.corp.internal/EWS/Exchange.asmx",
        "http://exchange.corp.internal:8443/EWS/Exchange.asmx",
        "http://127.0.0.1:4567/EWS/Exchange.asmx",
        "https://127.0.0.1:4568/EWS/Exchange.asmx",
        "http://localhost:4568/EWS/Exchange.asmx",
    ],
)
def test_another_port_or_scheme_of_a_server_that_the_stack_lists_is_refused(caller: Any, acme: str, url: str) -> None:
    caller.refused("InvalidParameterException", Create, OrganizationId=acme, DomainName=DOMAIN, **ews(EwsEndpoint=url))


@pytest.mark.parametrize("name", ["", "ab", "a_b.example", "example", "-a.example", "a..example", "1.2.3.4", "x" * 256])
def test_what_is_no_domain_is_refused(caller: Any, acme: str, name: str) -> None:
    caller.refused("InvalidParameterException", Create, OrganizationId=acme, DomainName=name, **CAP)


@pytest.mark.parametrize(
    "arn",
    [
        FUNCTION + ":live",
        FUNCTION + ":$LATEST",
        "arn:aws:lambda:us-east-1:123456789012:function:free-busy",
        "arn:aws:lambda:ap-south-1:123456789012:function:f",
    ],
)
def test_a_function_may_be_of_any_account_and_region(caller: Any, acme: str, arn: str) -> None:
    caller(Create, OrganizationId=acme, DomainName=DOMAIN, LambdaProvider={"LambdaArn": arn})
    (found,) = caller(List, OrganizationId=acme)["AvailabilityConfigurations"]
    assert found["LambdaProvider"] == {"LambdaArn": arn}


def test_a_domain_has_one_provider_in_each_organization(caller: Any, acme: str, password: Callable[..., str]) -> None:
    other = caller("CreateOrganization", Alias="other")["OrganizationId"]
    caller(Create, OrganizationId=acme, DomainName=DOMAIN, **EWS)
    again = ews(EwsPassword="another")
    text = caller.refused("NameAvailabilityException", Create, OrganizationId=acme, DomainName=DOMAIN.upper(), **again)
    assert DOMAIN in text
    assert password() == PASSWORD
    caller(Create, OrganizationId=other, DomainName=DOMAIN, **CAP)
    caller(Delete, OrganizationId=acme, DomainName=DOMAIN)
    caller(Create, OrganizationId=acme, DomainName=DOMAIN, **CAP)


def test_an_update_replaces_the_provider_and_its_type(
    caller: Any, acme: str, held: MemoryAvailabilityPasswords, password: Callable[..., str]
) -> None:
    named = {"OrganizationId": acme, "DomainName": DOMAIN}
    caller(Create, **named, **CAP)
    (made,) = caller(List, OrganizationId=acme)["AvailabilityConfigurations"]
    assert caller(Update, **{**named, "DomainName": DOMAIN.upper()}, **EWS) == {}
    (found,) = caller(List, OrganizationId=acme)["AvailabilityConfigurations"]
    assert found["DateCreated"] == made["DateCreated"]
    assert found["DateModified"] > made["DateModified"]
    assert found["EwsProvider"] == SHOWN
    assert "LambdaProvider" not in found
    caller(Update, **named, **ews(EwsPassword="another"))
    assert password() == "another"
    caller(Update, **named, **CAP)
    (found,) = caller(List, OrganizationId=acme)["AvailabilityConfigurations"]
    assert (found["ProviderType"], found["LambdaProvider"]) == ("LAMBDA", CAP["LambdaProvider"])
    assert "EwsProvider" not in found
    assert held.secrets == {}, "nobody pays for a password that is not used"


def test_unknown_configurations_are_not_found_and_deleting_them_is_no_error(caller: Any, acme: str) -> None:
    named = {"OrganizationId": acme, "DomainName": DOMAIN}
    text = caller.refused("ResourceNotFoundException", Update, **named, **EWS)
    assert DOMAIN in text
    assert caller(Delete, **named) == {}
    assert caller(Delete, OrganizationId=acme, DomainName="...") == {}


def test_a_deleted_configuration_leaves_no_password(caller: Any, acme: str, held: MemoryAvailabilityPasswords) -> None:
    named = {"OrganizationId": acme, "DomainName": DOMAIN}
    caller(Create, **named, **EWS)
    caller(Delete, OrganizationId=acme, DomainName=DOMAIN.upper())
    assert caller(List, OrganizationId=acme) == {"AvailabilityConfigurations": []}
    assert held.secrets == {}


def test_a_client_token_gets_the_same_answer_and_tells_no_password_from_another(
    caller: Any, acme: str, context: Any, password: Callable[..., str]
) -> None:
    named = {"OrganizationId": acme, "DomainName": DOMAIN, "ClientToken": "t"}
    caller(Create, **named, **EWS)
    before = context.directory.availability(acme, DOMAIN)
    assert caller(Create, **named, **EWS) == {}
    assert caller(Create, **named, **ews(EwsPassword="another")) == {}
    assert context.directory.availability(acme, DOMAIN) == before
    assert password() == PASSWORD
    assert "ClientToken" in caller.refused("InvalidParameterException", Create, **named, **ews(EwsUsername="another"))
    assert "ClientToken" in caller.refused("InvalidParameterException", Create, **named, **CAP)


def test_there_are_only_so_many_and_the_list_has_pages(caller: Any, acme: str) -> None:
    names = sorted(f"d{number}.example" for number in range(MAX_CONFIGURATIONS))
    for name in names:
        caller(Create, OrganizationId=acme, DomainName=name, **CAP)
    text = caller.refused("LimitExceededException", Create, OrganizationId=acme, DomainName=DOMAIN, **CAP)
    assert str(MAX_CONFIGURATIONS) in text
    page = caller(List, OrganizationId=acme, MaxResults=60)
    rest = caller(List, OrganizationId=acme, MaxResults=60, NextToken=page["NextToken"])
    assert [row["DomainName"] for each in (page, rest) for row in each["AvailabilityConfigurations"]] == names
    assert "NextToken" not in rest
    caller.refused("InvalidParameterException", List, OrganizationId=acme, NextToken=page["NextToken"][:-2])


def test_where_the_key_is_disabled_no_password_is_kept(
    caller: Any, acme: str, held: MemoryAvailabilityPasswords
) -> None:
    named = {"OrganizationId": acme, "DomainName": DOMAIN}
    held.disabled = True
    assert "KMS key" in caller.refused("OrganizationStateException", Create, **named, **EWS)
    caller(Create, **named, **CAP)
    assert "KMS key" in caller.refused("OrganizationStateException", Update, **named, **EWS)
    (found,) = caller(List, OrganizationId=acme)["AvailabilityConfigurations"]
    assert found["ProviderType"] == "LAMBDA"


def test_unknown_and_deleted_organizations_are_told_apart(caller: Any, acme: str) -> None:
    caller("DeleteOrganization", OrganizationId=acme, DeleteDirectory=True)
    for operation, request in ((Create, CAP), (Update, CAP), (Delete, {})):
        named = {"DomainName": DOMAIN, **request}
        caller.refused("OrganizationStateException", operation, OrganizationId=acme, **named)
        caller.refused("OrganizationNotFoundException", operation, OrganizationId="m-" + "0" * 32, **named)
    caller.refused("OrganizationStateException", List, OrganizationId=acme)


def test_they_go_with_their_organization_and_so_do_passwords_without_a_configuration(
    caller: Any, acme: str, context: Any, held: MemoryAvailabilityPasswords
) -> None:
    other = caller("CreateOrganization", Alias="other")["OrganizationId"]
    for organization in (acme, other):
        caller(Create, OrganizationId=organization, DomainName=DOMAIN, **EWS)
    caller(Create, OrganizationId=acme, DomainName="example.net", **CAP)
    held.put(acme, "interrupted.example", "v", PASSWORD)
    caller("DeleteOrganization", OrganizationId=acme, DeleteDirectory=True)
    caller.settle()
    assert context.directory.availabilities(acme, None, 9).items == []
    assert [place for place in held.secrets if place[0] == acme] == []
    assert len(caller(List, OrganizationId=other)["AvailabilityConfigurations"]) == 1
    assert (other, DOMAIN) in held.secrets
    held.put(acme, "late.example", "v", PASSWORD)  # by a request that began before the deletion
    caller.settle()
    assert [place for place in held.secrets if place[0] == acme] == []


def test_a_deletion_that_is_slow_does_not_remove_the_password_of_a_new_configuration(
    caller: Any, acme: str, context: Any, held: MemoryAvailabilityPasswords, password: Callable[..., str]
) -> None:
    named = {"OrganizationId": acme, "DomainName": DOMAIN}
    caller(Create, **named, **EWS)
    removing, created = threading.Event(), threading.Event()

    class Slow:
        def remove(self, *place: str) -> None:
            removing.set()
            created.wait(0.3)  # what comes first would be seen by now
            held.remove(*place)

        def __getattr__(self, name: str) -> Any:
            return getattr(held, name)

    slow = replace(caller, context=replace(context, availability_passwords=Slow()))
    deletion = threading.Thread(target=lambda: slow(Delete, **named))
    deletion.start()
    assert removing.wait(10)
    caller(Create, **named, **ews(EwsPassword="new"))
    created.set()
    deletion.join(10)
    assert password() == "new"


class Stopped(Exception):  # noqa: N818 - stands for a function that was stopped
    """The function was stopped."""


class TestInterrupted:
    """A request is stopped between the password and the configuration; what is left is not used, and is found again."""

    @pytest.fixture
    def stopped(self, caller: Any, context: Any) -> Any:
        """A caller whose function is stopped instead of its commit."""

        class Stopping:
            def commit(self, _: Any) -> None:
                raise Stopped

            def __getattr__(self, name: str) -> Any:
                return getattr(context.directory, name)

        return replace(caller, context=replace(context, directory=Stopping()))

    @pytest.fixture
    def silent(self, caller: Any, held: MemoryAvailabilityPasswords, context: Any) -> Any:
        """A caller whose passwords cannot be removed."""

        class Silent:
            def remove(self, *_: str) -> None:
                raise StoreUnavailableError("Secrets Manager did not take a request")

            def __getattr__(self, name: str) -> Any:
                return getattr(held, name)

        return replace(caller, context=replace(context, availability_passwords=Silent()))

    @pytest.mark.parametrize("then", [EWS, CAP])
    def test_a_creation_can_be_repeated_with_either_provider(
        self, caller: Any, acme: str, stopped: Any, held: MemoryAvailabilityPasswords, then: dict[str, Any]
    ) -> None:
        named = {"OrganizationId": acme, "DomainName": DOMAIN, "ClientToken": "t"}
        with pytest.raises(Stopped):
            stopped(Create, **named, **EWS)
        assert caller(List, OrganizationId=acme) == {"AvailabilityConfigurations": []}
        caller(Create, **named, **then)
        assert set(held.secrets) == ({(acme, DOMAIN)} if then is EWS else set())

    def test_a_creation_that_is_not_repeated_is_undone_by_a_deletion(
        self, caller: Any, acme: str, stopped: Any, held: MemoryAvailabilityPasswords
    ) -> None:
        named = {"OrganizationId": acme, "DomainName": DOMAIN}
        with pytest.raises(Stopped):
            stopped(Create, **named, **EWS)
        caller(Delete, **named)
        assert held.secrets == {}

    def test_after_an_update_the_former_password_stays_that_of_the_former_server(
        self, caller: Any, acme: str, stopped: Any, password: Callable[..., str]
    ) -> None:
        named = {"OrganizationId": acme, "DomainName": DOMAIN}
        caller(Create, **named, **EWS)
        moved = ews(EwsEndpoint="https://ews.example.net/", EwsPassword="another")
        with pytest.raises(Stopped):
            stopped(Update, **named, **moved)
        (found,) = caller(List, OrganizationId=acme)["AvailabilityConfigurations"]
        assert found["EwsProvider"] == SHOWN
        assert password() == PASSWORD
        caller(Update, **named, **moved)
        assert password() == "another"

    @pytest.mark.parametrize(("operation", "provider"), [(Delete, {}), (Update, CAP)])
    def test_a_password_that_could_not_be_removed_is_removed_when_the_request_is_repeated(
        self,
        caller: Any,
        acme: str,
        silent: Any,
        held: MemoryAvailabilityPasswords,
        operation: str,
        provider: dict[str, Any],
    ) -> None:
        named = {"OrganizationId": acme, "DomainName": DOMAIN}
        caller(Create, **named, **EWS)
        silent.refused("ServiceUnavailable", operation, **named, **provider)
        rows = caller(List, OrganizationId=acme)["AvailabilityConfigurations"]
        assert not any("EwsProvider" in row for row in rows), "the password is not used"
        caller(operation, **named, **provider)
        assert held.secrets == {}


class TestTests:
    """TestAvailabilityConfiguration; the test itself is made by query_availability."""

    def test_a_configured_provider_is_tested_without_its_password(self, caller: Any, acme: str, context: Any) -> None:
        caller(Create, OrganizationId=acme, DomainName=DOMAIN, **EWS)
        assert caller(Test, OrganizationId=acme, DomainName=DOMAIN.upper()) == {"TestPassed": True}
        (test,) = context.provider_tests.tested
        assert test == ProviderTest(acme, DOMAIN, context.directory.availability(acme, DOMAIN).provider)

    def test_a_provider_is_tested_before_it_is_configured(self, caller: Any, acme: str, context: Any) -> None:
        assert caller(Test, OrganizationId=acme, **CAP) == {"TestPassed": True}
        assert caller(Test, OrganizationId=acme, **EWS) == {"TestPassed": True}
        server = EwsProvider(SHOWN["EwsEndpoint"], SHOWN["EwsUsername"], "")
        assert context.provider_tests.tested == [
            ProviderTest(acme, "", LambdaProvider(FUNCTION)),
            ProviderTest(acme, "", server, PASSWORD),
        ]
        assert context.availability_passwords.secrets == {}
        assert caller(List, OrganizationId=acme)["AvailabilityConfigurations"] == []

    def test_a_failed_test_is_an_answer_with_its_reason(self, caller: Any, acme: str, context: Any) -> None:
        context.provider_tests.failure = "There is no function."
        said = caller(Test, OrganizationId=acme, **CAP)
        assert said == {"TestPassed": False, "FailureReason": "There is no function."}

    @pytest.mark.parametrize(
        "given", [{}, {**EWS, **CAP}, {"DomainName": DOMAIN, **CAP}, {"DomainName": DOMAIN, **EWS}]
    )
    def test_a_request_names_exactly_one_thing(self, caller: Any, acme: str, given: dict[str, Any]) -> None:
        text = caller.refused("InvalidParameterException", Test, OrganizationId=acme, **given)
        assert "exactly one of DomainName, EwsProvider and LambdaProvider" in text

    def test_a_domain_without_a_configuration_is_not_found(self, caller: Any, acme: str) -> None:
        caller.refused("ResourceNotFoundException", Test, OrganizationId=acme, DomainName=DOMAIN)

    def test_a_server_that_could_not_be_configured_is_not_tested(self, caller: Any, acme: str, context: Any) -> None:
        wrong = ews(EwsEndpoint="https://localhost/EWS/Exchange.asmx")
        caller.refused("InvalidParameterException", Test, OrganizationId=acme, **wrong)
        assert context.provider_tests.tested == []

    def test_an_organization_that_is_unknown_is_an_error(self, caller: Any) -> None:
        caller.refused("OrganizationNotFoundException", Test, OrganizationId="m-" + "f" * 32, **CAP)
