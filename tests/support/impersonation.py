"""Impersonation roles of the organizations of ``ews_front``, their tokens, and exchangelib with a token."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from exchangelib import OAUTH2, Configuration, Identity, OAuth2AuthorizationCodeCredentials, Version
from exchangelib.protocol import Protocol
from exchangelib.transport import AUTH_TYPE_MAP
from exchangelib.version import EXCHANGE_2010_SP2

from cli.repository import repository_root
from postroom.model.access_effect import AccessEffect
from postroom.model.impersonation import (
    RANDOM_BYTES,
    TOKEN_SECONDS,
    ImpersonationRole,
    ImpersonationRule,
    RoleType,
    new_token,
)
from postroom.model.records import Insert, Remove

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.ews_front import Front

ALLOW_ALL: Final = ImpersonationRule("all", AccessEffect.ALLOW)

_COUNTER: Final = itertools.count()

HTTPS_URL: Final = "https://127.0.0.1/EWS/Exchange.asmx"
"""oauthlib sends tokens over TLS only."""


def add_role(
    front: Front,
    *rules: ImpersonationRule,
    type: RoleType = RoleType.FULL_ACCESS,  # noqa: A002 - as in the API
    id: str = "role-1",  # noqa: A002
    organization_id: str = "m-1",
) -> ImpersonationRole:
    """Add a role; without rules it has one that allows all users."""
    role = ImpersonationRole(
        organization_id=organization_id,
        id=id,
        name="Sync",
        type=type,
        created=1,
        modified=1,
        rules=rules or (ALLOW_ALL,),
    )
    front.directory.commit([Insert(role)])
    return role


def remove_role(front: Front, role: ImpersonationRole) -> None:
    """Delete a role."""
    front.directory.commit([Remove(role)])


def add_token(front: Front, role: ImpersonationRole, *, age_s: int = 0) -> str:
    """Return a token of a role that was made some time ago."""
    random = hashlib.sha512(str(next(_COUNTER)).encode()).digest()[:RANDOM_BYTES]
    issued = front.now_ms // 1000 - age_s
    token, row = new_token(role.organization_id, role.id, random, now_s=issued, seconds=TOKEN_SECONDS)
    front.directory.commit([Insert(row)])
    return token


def impersonating(token: str, url: str = HTTPS_URL, **identity: str) -> Any:
    """Return exchangelib's protocol, which sends the token and the name of a user with every request."""
    credentials = OAuth2AuthorizationCodeCredentials(
        access_token={"access_token": token, "token_type": "Bearer"}, identity=Identity(**identity)
    )
    configuration = Configuration(
        service_endpoint=url, credentials=credentials, auth_type=OAUTH2, version=Version(EXCHANGE_2010_SP2)
    )
    return Protocol(config=configuration)


@contextmanager
def documented(url: str, organization_id: str, role_id: str, address: str) -> Iterator[dict[str, Any]]:
    """Run the code of docs/clients.md about impersonation roles, the guide's first; give its names.

    What the code changes in exchangelib and in the environment is put back.
    """
    text = (repository_root() / "docs" / "clients.md").read_text("utf-8")
    section = text.partition("\n## With an impersonation role\n")[2].partition("\n## ")[0]
    names: dict[str, Any] = {
        "WORKMAIL_EWS_URL": url,
        "WORKMAIL_ORGANIZATION_ID": organization_id,
        "IMPERSONATION_ROLE_ID": role_id,
        "EMAIL_ADDRESS": address,
    }
    with patch.dict(os.environ), patch.dict(AUTH_TYPE_MAP):
        for code in re.findall(r"```python\n(.+?)```", section, re.DOTALL):
            exec(compile(code, "docs/clients.md", "exec"), names)  # noqa: S102 - our own documentation
        yield names
