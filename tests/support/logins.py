"""An organization with a user for tests of authentication, and a counter of its password hashes."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from postroom.access import tokens
from postroom.access.authenticate import authenticate
from postroom.adapters.memory.directory import MemoryDirectory
from postroom.adapters.memory.passwords import PlainPasswords
from postroom.model.callers import Caller
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.failed_logins import FailedLogins
from postroom.model.identity import (
    IDENTITY_PROVIDER_KEY,
    AuthenticationMode,
    IdentityProvider,
    PersonalAccessToken,
    TokenStatus,
)
from postroom.model.logins import Attempt
from postroom.model.records import (
    AddressClaim,
    AliasClaim,
    Entity,
    Insert,
    NameClaim,
    PasswordHash,
    Put,
    Remove,
    Replace,
)
from tests.support.directory_records import domain, organization

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.logins import Outcome
    from postroom.model.records import Organization, Record

PASSWORD: Final = "pässwörd-9"
ADA: Final = Caller("m-1", "ada", "Ada@acme.example", "ada")
NOW_MS: Final = 1_800_000_000_000
HOME, AWAY = "192.0.2.1", "198.51.100.7"
TOKEN_ID: Final = "11111111-2222-3333-4444-555555555555"
ASSOCIATED: Final = {"IdentityProviderUserId": "99999999-8888-7777-6666-555555555555"}


def basic(user_name: str, password: str, encoding: str = "utf-8") -> str:
    return "Basic " + base64.b64encode(f"{user_name}:{password}".encode(encoding)).decode()


@dataclass
class Logins:
    """The organization m-1 with its user ada, who is associated with a user of IAM Identity Center."""

    directory: MemoryDirectory = field(default_factory=MemoryDirectory)
    passwords: PlainPasswords = field(default_factory=PlainPasswords)
    now_ms: int = NOW_MS

    def __post_init__(self) -> None:
        self.organization: Organization = organization("m-1", alias="acme")
        aliases = ("ada.lovelace@acme.example", "ada@xn--bcher-kva.example")
        ada = self.person("ada", email="Ada@acme.example", aliases=aliases, attributes=ASSOCIATED)
        self.directory.commit(
            [
                Insert(record)
                for record in (
                    self.organization,
                    AliasClaim(alias="acme", organization_id="m-1"),
                    domain("acme.example", self.organization),
                    domain("xn--bcher-kva.example", self.organization),
                )
            ]
        )
        self.add(ada)

    @property
    def ada(self) -> Entity:
        found = self.directory.entity("m-1", "ada")
        assert found is not None
        return found

    def person(self, name: str, **values: Any) -> Entity:
        own: dict[str, Any] = {"kind": EntityKind.USER, "role": Role.USER, "state": EntityState.ENABLED}
        own |= {"email": f"{name}@acme.example", "enabled": NOW_MS - 1000}
        return Entity(organization_id="m-1", id=name, name=name, created=1, **own | values)

    def add(self, entity: Entity, password: str | None = PASSWORD) -> None:
        owner: dict[str, Any] = {"organization_id": "m-1", "entity_id": entity.id, "kind": entity.kind}
        records: list[Record] = [entity, NameClaim(name=entity.name, **owner)]
        records += [AddressClaim(address=address, **owner) for address in entity.addresses]
        if password is not None:
            hashed = self.passwords.hash(password)
            records.append(PasswordHash(organization_id="m-1", user_id=entity.id, hash=hashed))
        self.directory.commit([Insert(record) for record in records])

    def header(self, header: str, *, source_ip: str = HOME, protocol: str = "EWS") -> Outcome:
        return authenticate(Attempt(header, protocol, source_ip, self.now_ms), self.directory, self.passwords)

    def asked(
        self,
        user_name: str = "ada@acme.example",
        password: str = PASSWORD,
        *,
        encoding: str = "utf-8",
        source_ip: str = HOME,
        protocol: str = "EWS",
    ) -> Outcome:
        return self.header(basic(user_name, password, encoding), source_ip=source_ip, protocol=protocol)

    def hashes(self, user_name: str, password: str) -> int:
        """Return how many password hashes an attempt costs."""
        before = self.passwords.compared
        self.asked(user_name, password)
        return self.passwords.compared - before

    def configure(self, mode: AuthenticationMode | None, status: TokenStatus = TokenStatus.ACTIVE) -> None:
        """Set the identity provider's configuration; remove it without a mode."""
        found = self.directory.owned(IdentityProvider, "m-1", IDENTITY_PROVIDER_KEY)
        if mode is None:
            self.directory.commit([Remove(found)] if found else [])
            return
        new = IdentityProvider(
            organization_id="m-1", mode=mode, instance_arn="i", application_arn="a", token_status=status
        )
        self.directory.commit([Put(new)])

    def token(self, user_id: str = "ada", token_id: str = TOKEN_ID, **values: Any) -> str:
        """Make a token, and return its text."""
        text = tokens.text_of(token_id, token_id.encode()[:32])
        own: dict[str, Any] = {"name": "phone", "created": NOW_MS, "digest": tokens.digest_of(text)}
        made = PersonalAccessToken(organization_id="m-1", id=token_id, user_id=user_id, **own | values)
        self.directory.commit([Insert(made)])
        return text

    def stored_token(self, token_id: str = TOKEN_ID) -> PersonalAccessToken:
        found = self.directory.owned(PersonalAccessToken, "m-1", token_id)
        assert found is not None
        return found

    def failures(self) -> Sequence[FailedLogins]:
        return self.directory.owned_page(FailedLogins, "m-1", None, 100).items

    def change_ada(self, **values: Any) -> None:
        self.directory.commit([Replace(replace(self.ada, **values))])
