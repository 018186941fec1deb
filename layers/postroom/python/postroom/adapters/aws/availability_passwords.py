"""Passwords of EWS availability providers in AWS Secrets Manager (docs/decisions/0024).

A secret is named ``<prefix><organization>/<domain>/ews`` and encrypted under the stack's key. Its name is derived, so a
repeated request finds the secret that an interrupted one left. Secrets are changed under a lease, because Secrets
Manager has no conditional writes.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.transactions import code_of
from postroom.errors import KeyUnavailableError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from postroom.adapters.aws.leases import Leases

MAX_DELETES: Final = 25
"""Most secrets that one call removes. Ours."""

_NOT_THERE: Final = "ResourceNotFoundException"
_GONE: Final = frozenset({_NOT_THERE, "InvalidRequestException"})
"""A secret, or a version, that does not exist; the second, while a removed secret is being deleted. Source: Secrets
Manager's API reference, GetSecretValue."""

_NO_KEY: Final = frozenset({"AccessDeniedException", "DecryptionFailure", "EncryptionFailure"})
"""Source: Secrets Manager's API reference, CreateSecret; "Access to KMS is not allowed" is an AccessDeniedException."""


class SecretsManagerClient(Protocol):
    """The part of botocore's client that is used here."""

    def create_secret(self, **members: Any) -> Mapping[str, Any]: ...

    def put_secret_value(self, **members: Any) -> Mapping[str, Any]: ...

    def delete_secret(self, **members: Any) -> Mapping[str, Any]: ...

    def list_secrets(self, **members: Any) -> Mapping[str, Any]: ...

    def get_secret_value(self, **members: Any) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class SecretsManagerRemoval:
    """Implements ``AvailabilityPasswordRemoval``. ``prefix`` ends in a slash."""

    client: SecretsManagerClient
    prefix: str

    def remove_some(self, organization_id: str) -> bool:
        """A page may be empty before the last one, so pages are read until one has secrets."""
        start = f"{self.prefix}{organization_id}/"
        asked: dict[str, Any] = {"Filters": [{"Key": "name", "Values": [start]}], "MaxResults": MAX_DELETES}
        with _errors():
            while True:
                answer = self.client.list_secrets(**asked)
                names = [each["Name"] for each in answer["SecretList"] if each["Name"].startswith(start)]
                for name in names:
                    self.delete(name)
                if names or "NextToken" not in answer:
                    return not names
                asked["NextToken"] = answer["NextToken"]

    def delete(self, name: str) -> None:
        """Delete a secret at once, without the 7 days in which it could be restored."""
        try:
            self.client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        except ClientError as error:
            if code_of(error) != _NOT_THERE:
                raise


@dataclass(frozen=True, slots=True)
class SecretsManagerPasswords:
    """Implements ``AvailabilityPasswords``."""

    removal: SecretsManagerRemoval
    leases: Leases
    key_arn: str

    def changing(self, organization_id: str, domain: str) -> AbstractContextManager[None]:
        return self.leases.held(f"availability configuration of {domain} in {organization_id}")

    def put(self, organization_id: str, domain: str, version: str, password: str) -> None:
        """Secrets Manager keeps the version before the newest one under the label AWSPREVIOUS."""
        name, client = self.name(organization_id, domain), self.removal.client
        members = {"ClientRequestToken": version, "SecretString": password}
        with _errors(no_key=_NO_KEY):
            try:
                client.put_secret_value(SecretId=name, **members)
            except ClientError as error:
                if code_of(error) != _NOT_THERE:
                    raise
                client.create_secret(Name=name, KmsKeyId=self.key_arn, **members)

    def remove(self, organization_id: str, domain: str) -> None:
        with _errors():
            self.removal.delete(self.name(organization_id, domain))

    def remove_some(self, organization_id: str) -> bool:
        return self.removal.remove_some(organization_id)

    def name(self, organization_id: str, domain: str) -> str:
        """Return the name of a domain's secret."""
        return secret_name(self.removal.prefix, organization_id, domain)


@dataclass(frozen=True, slots=True)
class SecretsManagerReads:
    """Implements ``AvailabilityPasswordReads``. ``prefix`` ends in a slash."""

    client: SecretsManagerClient
    prefix: str

    def password(self, organization_id: str, domain: str, version: str) -> str | None:
        name = secret_name(self.prefix, organization_id, domain)
        with _errors(no_key=_NO_KEY):
            try:
                return str(self.client.get_secret_value(SecretId=name, VersionId=version)["SecretString"])
            except ClientError as error:
                if code_of(error) not in _GONE:
                    raise
                return None


def secret_name(prefix: str, organization_id: str, domain: str) -> str:
    """Return the name of a domain's secret.

    The last part keeps a name from ending in a hyphen and six characters, which Secrets Manager takes for the end of an
    ARN; some top-level domains do.
    """
    return f"{prefix}{organization_id}/{domain}/ews"


@contextmanager
def _errors(no_key: frozenset[str] = frozenset()) -> Iterator[None]:
    """Raise our errors for those of Secrets Manager; ``no_key`` has the codes that mean that the key cannot be used."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        code = code_of(error)
        if code in no_key:
            raise KeyUnavailableError(f"the stack's KMS key cannot be used: {code}") from error
        raise StoreUnavailableError(f"Secrets Manager did not take a request: {code}") from error
