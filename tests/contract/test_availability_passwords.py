"""Passwords of EWS availability providers: one secret per organization and domain, in memory and in Secrets Manager."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from postroom.adapters.aws.availability_passwords import (
    SecretsManagerPasswords,
    SecretsManagerReads,
    SecretsManagerRemoval,
)
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.leases import Leases
from postroom.adapters.memory.availability_passwords import MemoryAvailabilityPasswords
from postroom.errors import KeyUnavailableError, StoreUnavailableError
from tests.support.builders import ORG, OTHER

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.ports.availability_passwords import AvailabilityPasswords
    from tests.support.stack import Stack

DOMAIN = "example.org"
PASSWORD = "pässwörd, with ÿ and spaces"
PREFIX = "postroom/availability/"
KEY = "arn:aws:kms:us-east-1:123456789012:key/stack"


@dataclass
class Passwords:
    """A port, and what a reader of the store sees: a password by organization, domain and version; None if gone."""

    port: AvailabilityPasswords
    read: Callable[[str, str, str], str | None]


def on_aws(stack: Stack, client: Any) -> SecretsManagerPasswords:
    table = DirectoryTable(stack.dynamodb, stack.environment["DIRECTORY_TABLE"])
    return SecretsManagerPasswords(SecretsManagerRemoval(client, PREFIX), Leases(table), KEY)


@pytest.fixture(params=["memory", "secrets manager"])
def passwords(request: pytest.FixtureRequest) -> Passwords:
    if request.param == "memory":
        memory = MemoryAvailabilityPasswords()
        return Passwords(memory, lambda *at: memory.secrets.get(at[:2], {}).get(at[2]))
    client = boto3.client("secretsmanager") if request.getfixturevalue("stack") else None
    aws = on_aws(request.getfixturevalue("stack"), client)

    def read(organization_id: str, domain: str, version: str) -> str | None:
        assert client is not None
        try:
            name = aws.name(organization_id, domain)
            return str(client.get_secret_value(SecretId=name, VersionId=version)["SecretString"])
        except client.exceptions.ResourceNotFoundException:
            return None

    return Passwords(aws, read)


def put(passwords: Passwords, organization_id: str = ORG, domain: str = DOMAIN, password: str = PASSWORD) -> str:
    version = str(uuid4())
    passwords.port.put(organization_id, domain, version, password)
    return version


@pytest.mark.parametrize("password", [PASSWORD, " ", "ÿ" * 256])
def test_a_password_is_read_by_its_version(passwords: Passwords, password: str) -> None:
    assert passwords.read(ORG, DOMAIN, put(passwords, password=password)) == password


def test_the_function_that_uses_a_password_reads_it(passwords: Passwords, stack: Stack) -> None:
    first, second = put(passwords, password="one"), put(passwords, password="two")
    memory = isinstance(passwords.port, MemoryAvailabilityPasswords)
    reads: Any = passwords.port if memory else SecretsManagerReads(boto3.client("secretsmanager"), PREFIX)
    assert [reads.password(ORG, DOMAIN, version) for version in (first, second)] == ["one", "two"]
    assert reads.password(ORG, DOMAIN, str(uuid4())) is None
    assert reads.password(OTHER, DOMAIN, first) is None
    passwords.port.remove(ORG, DOMAIN)
    assert reads.password(ORG, DOMAIN, second) is None


def test_the_former_version_stays_readable_until_another_one_is_put(passwords: Passwords) -> None:
    first, second = put(passwords, password="one"), put(passwords, password="two")
    assert (passwords.read(ORG, DOMAIN, first), passwords.read(ORG, DOMAIN, second)) == ("one", "two")
    third = put(passwords, password="three")
    assert (passwords.read(ORG, DOMAIN, second), passwords.read(ORG, DOMAIN, third)) == ("two", "three")


def test_a_repeated_put_changes_nothing(passwords: Passwords) -> None:
    version = put(passwords)
    passwords.port.put(ORG, DOMAIN, version, PASSWORD)
    assert passwords.read(ORG, DOMAIN, version) == PASSWORD


def test_what_is_removed_is_gone_with_all_versions_and_may_be_put_again(passwords: Passwords) -> None:
    versions = [put(passwords), put(passwords)]
    others = put(passwords, domain="example.net"), put(passwords, OTHER)
    passwords.port.remove(ORG, DOMAIN)
    assert [passwords.read(ORG, DOMAIN, version) for version in versions] == [None, None]
    assert passwords.read(ORG, "example.net", others[0]) == PASSWORD
    assert passwords.read(OTHER, DOMAIN, others[1]) == PASSWORD
    passwords.port.remove(ORG, DOMAIN)
    assert passwords.read(ORG, DOMAIN, put(passwords)) == PASSWORD


def test_all_of_an_organization_are_removed_in_parts_and_no_others(passwords: Passwords) -> None:
    versions = {f"d{number}.example": put(passwords, domain=f"d{number}.example") for number in range(30)}
    others = put(passwords, OTHER), put(passwords, ORG + "0")
    calls = 1
    while not passwords.port.remove_some(ORG):
        calls += 1
    assert calls == 3
    assert not any(passwords.read(ORG, domain, version) for domain, version in versions.items())
    assert passwords.read(OTHER, DOMAIN, others[0]) == PASSWORD
    assert passwords.read(ORG + "0", DOMAIN, others[1]) == PASSWORD


def test_one_caller_at_a_time_changes_a_domain(passwords: Passwords) -> None:
    order: list[str] = []
    began = threading.Event()

    def second() -> None:
        began.set()
        with passwords.port.changing(ORG, DOMAIN):
            order.append("second")

    thread = threading.Thread(target=second)
    with passwords.port.changing(ORG, DOMAIN):
        thread.start()
        assert began.wait(10)
        thread.join(0.2)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


class TestMemory:
    def test_under_a_disabled_key_nothing_is_kept(self) -> None:
        with pytest.raises(KeyUnavailableError, match="the stack's KMS key"):
            MemoryAvailabilityPasswords(disabled=True).put(ORG, DOMAIN, str(uuid4()), PASSWORD)


class TestSecretsManager:
    def test_a_secret_has_a_derived_name_and_the_stacks_key(self, stack: Stack) -> None:
        client = boto3.client("secretsmanager")
        on_aws(stack, client).put(ORG, "xn--90a3ac", str(uuid4()), PASSWORD)
        (made,) = client.list_secrets()["SecretList"]
        assert made["Name"] == f"{PREFIX}{ORG}/xn--90a3ac/ews"
        assert made["KmsKeyId"] == KEY

    @pytest.mark.parametrize("code", ["EncryptionFailure", "DecryptionFailure", "AccessDeniedException"])
    def test_a_key_that_cannot_be_used_is_an_error_of_its_own(self, stack: Stack, code: str) -> None:
        with pytest.raises(KeyUnavailableError, match=f"the stack's KMS key cannot be used: {code}"):
            on_aws(stack, Refusing(code)).put(ORG, DOMAIN, str(uuid4()), PASSWORD)

    @pytest.mark.parametrize("code", ["InvalidRequestException", "ThrottlingException", "AccessDeniedException", None])
    def test_after_any_other_error_a_caller_may_try_again(self, stack: Stack, code: str | None) -> None:
        port = on_aws(stack, Refusing(code))
        with pytest.raises(StoreUnavailableError, match=code):
            port.remove(ORG, DOMAIN)
        with pytest.raises(StoreUnavailableError, match=code):
            port.remove_some(ORG)
        if code != "AccessDeniedException":
            with pytest.raises(StoreUnavailableError, match=code) as caught:
                port.put(ORG, DOMAIN, str(uuid4()), PASSWORD)
            assert PASSWORD not in str(caught.value)

    @pytest.mark.parametrize("code", ["DecryptionFailure", "AccessDeniedException"])
    def test_a_password_under_a_key_that_cannot_be_used_cannot_be_read(self, code: str) -> None:
        with pytest.raises(KeyUnavailableError, match=code):
            SecretsManagerReads(Refusing(code), PREFIX).password(ORG, DOMAIN, "v")

    @pytest.mark.parametrize("code", ["ThrottlingException", None])
    def test_after_another_error_a_reader_may_try_again(self, code: str | None) -> None:
        with pytest.raises(StoreUnavailableError):
            SecretsManagerReads(Refusing(code), PREFIX).password(ORG, DOMAIN, "v")

    def test_a_secret_that_is_being_deleted_is_gone(self) -> None:
        assert SecretsManagerReads(Refusing("InvalidRequestException"), PREFIX).password(ORG, DOMAIN, "v") is None

    def test_an_empty_page_is_not_the_end_of_the_list(self, stack: Stack) -> None:
        names = [f"{PREFIX}{ORG}/{DOMAIN}/ews", f"{PREFIX.upper()}{ORG}/{DOMAIN}/ews"]
        pages = [{"SecretList": [], "NextToken": "t"}, {"SecretList": [{"Name": name} for name in names]}]
        removed: list[str] = []

        class Listing:
            def list_secrets(self, **members: Any) -> Any:
                assert ("NextToken" in members) == (len(pages) == 1)
                return pages.pop(0)

            def delete_secret(self, **members: Any) -> None:
                removed.append(members["SecretId"])

        assert not on_aws(stack, Listing()).remove_some(ORG)
        assert removed == names[:1]


@dataclass
class Refusing:
    """A client whose every call fails with a code, or gets no answer."""

    code: str | None

    def __getattr__(self, name: str) -> Any:
        def fail(**_: Any) -> None:
            if self.code is None:
                raise ConnectTimeoutError(endpoint_url="https://secretsmanager")
            raise ClientError({"Error": {"Code": self.code, "Message": "no"}}, name)

        return fail
