"""ClientToken: a request with the same token gets the same answer; with other parameters it is refused.

The token's row is written in the transaction that begins the work: a repeated request finds the row, or does the work.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from postroom.contracts.admin.exceptions import InvalidParameterException
from postroom.model.records import ClientToken, Insert, Put

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.admin.context import Context
    from postroom.model.records import Change

NOT_IN_FINGERPRINT: Final = frozenset({"ClientToken", "EwsPassword", "Password"})
"""Members, also of inner structures, that are not part of the fingerprint: the token, and values that must not be
guessed from a digest."""

TOKEN_SECONDS: Final = 24 * 3600
"""How long a token is kept, in seconds. Ours; WorkMail's time is not public."""


@dataclass(frozen=True, slots=True)
class Replay:
    """The state of a request's token.

    Attributes:
        answer: the answer that ``remember`` kept; None if the token is new or the request has none.
    """

    answer: str | None
    _row: ClientToken | None
    _exists: bool

    def remember(self, answer: str) -> list[Change]:
        """Return the change that keeps an answer; no change if the request has no token."""
        if self._row is None:
            return []
        row = ClientToken(
            scope=self._row.scope,
            token=self._row.token,
            fingerprint=self._row.fingerprint,
            answer=answer,
            expires=self._row.expires,
        )
        return [Put(row) if self._exists else Insert(row)]


def look_up(context: Context, operation: str, request: Mapping[str, Any], now: int) -> Replay:
    """Return the state of a request's ClientToken.

    Raises:
        InvalidParameterException: the token was used before with other parameters.
    """
    token = request.get("ClientToken")
    if token is None:
        return Replay(None, None, _exists=False)
    scope = f"{operation}#{request.get('OrganizationId', '')}"
    stored = context.directory.client_token(scope, token)
    digest = fingerprint(request)
    row = ClientToken(scope=scope, token=token, fingerprint=digest, answer="", expires=now // 1000 + TOKEN_SECONDS)
    if stored is None or stored.expires <= now // 1000:
        return Replay(None, row, _exists=stored is not None)
    if stored.fingerprint != digest:
        raise InvalidParameterException("This ClientToken was used with other parameters.")
    return Replay(stored.answer, row, _exists=True)


def fingerprint(request: Mapping[str, Any]) -> str:
    """Return a digest of all parameters except the token and passwords."""
    return hashlib.sha256(json.dumps(_without_secrets(request), sort_keys=True).encode()).hexdigest()


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_secrets(inner) for name, inner in value.items() if name not in NOT_IN_FINGERPRINT}
    return [_without_secrets(inner) for inner in value] if isinstance(value, list) else value
