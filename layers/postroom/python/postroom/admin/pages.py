"""Pages of lists. NextToken is opaque and signed; it is valid for its operation, organization and filters only."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any, Final, TypeVar

from postroom.contracts.admin.exceptions import InvalidParameterException

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from postroom.admin.context import Context

T = TypeVar("T")

DEFAULT_RESULTS: Final = 100
"""Results per page if the request has no MaxResults: the largest value, because published functions read the first page
only. Ours; WorkMail's default is not documented (contracts 7.5)."""

MAC_BYTES: Final = 16
"""Length of a token's signature, in bytes. Ours."""

NOT_IN_SCOPE: Final = frozenset({"NextToken", "MaxResults"})
"""Members of a request that do not select a list."""


def page(
    context: Context,
    operation: str,
    request: Mapping[str, Any],
    rows: Callable[[str | None], Iterable[T]],
    key: Callable[[T], str],
) -> tuple[list[T], str | None]:
    """Return one page and the token of the next page.

    Args:
        context: holds the signing key.
        operation: name of the operation.
        request: NextToken, MaxResults, OrganizationId and Filters are read.
        rows: returns the rows of the list after a key, or all rows for None, ordered by key.
        key: returns the key of a row.

    Returns:
        At most MaxResults rows; no token on the last page.

    Raises:
        InvalidParameterException: the token has no valid signature, or belongs to another list.
    """
    scope = json.dumps([operation, {name: request[name] for name in sorted(request) if name not in NOT_IN_SCOPE}])
    limit = request.get("MaxResults", DEFAULT_RESULTS)
    token = request.get("NextToken")
    found: list[T] = []
    for row in rows(None if token is None else _position(context, scope, token)):
        if len(found) == limit:
            return found, _token(context, scope, key(found[-1]))
        found.append(row)
    return found, None


def only_filter(filters: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the one filter of a request.

    Raises:
        InvalidParameterException: there is more than one; the model's documentation allows one.
    """
    if len(filters) > 1:
        raise InvalidParameterException("Only one filter per request is supported.")
    return next(iter(filters.items()), None)


def _token(context: Context, scope: str, position: str) -> str:
    data = position.encode()
    return base64.urlsafe_b64encode(_mac(context, scope, data) + data).decode()


def _position(context: Context, scope: str, token: str) -> str:
    try:
        signed = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidParameterException("NextToken is not valid.") from error
    mac, data = signed[:MAC_BYTES], signed[MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(context, scope, data)):
        raise InvalidParameterException("NextToken is not valid.")
    return data.decode()


def _mac(context: Context, scope: str, data: bytes) -> bytes:
    message = hashlib.sha256(scope.encode()).digest() + data
    return hmac.new(context.directory.signing_key(), message, hashlib.sha256).digest()[:MAC_BYTES]
