"""Pages of lists: NextToken is opaque, signed, and good for the operation, organization and filters it came from."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any, Final, TypeVar

from postroom.contracts.admin.exceptions import InvalidParameterException

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from postroom.admin.context import Context
    from postroom.ports.directory import Page

T = TypeVar("T")

DEFAULT_RESULTS: Final = 100
"""Results of a page unless MaxResults says otherwise: the most that may be asked for, since published functions read
the first page only. Ours; WorkMail's default is not documented (contracts 7.5)."""

FETCH: Final = 100
"""Records read at a time."""

MAC_BYTES: Final = 16


def page(
    context: Context,
    operation: str,
    request: Mapping[str, Any],
    rows: Callable[[str | None], Iterable[T]],
    key: Callable[[T], str],
) -> tuple[list[T], str | None]:
    """Return one page and the token of the next.

    Args:
        context: whose signing key.
        operation: name of the operation.
        request: NextToken, MaxResults, OrganizationId and Filters are read.
        rows: everything that belongs to the list and lies behind a key, in order of keys.
        key: of a row.

    Returns:
        At most MaxResults rows; no token on the last page.

    Raises:
        InvalidParameterException: the token is not one of ours, or not for this list.
    """
    scope = json.dumps([operation, {name: request[name] for name in sorted(request) if name not in NOT_OF_THE_LIST}])
    limit = request.get("MaxResults", DEFAULT_RESULTS)
    token = request.get("NextToken")
    found: list[T] = []
    for row in rows(None if token is None else _open(context, scope, token)):
        if len(found) == limit:
            return found, _seal(context, scope, key(found[-1]))
        found.append(row)
    return found, None


NOT_OF_THE_LIST: Final = frozenset({"NextToken", "MaxResults"})


def everything(fetch: Callable[[str | None, int], Page[T]], after: str | None) -> Iterator[T]:
    """Yield all rows of a list behind a key, page after page."""
    while True:
        some = fetch(after, FETCH)
        yield from some.items
        after = some.last
        if after is None:
            return


def only_filter(filters: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the one filter of a request.

    Raises:
        InvalidParameterException: there is more than one; the model's documentation allows one.
    """
    if len(filters) > 1:
        raise InvalidParameterException("Only one filter per request is supported.")
    return next(iter(filters.items()), None)


def _seal(context: Context, scope: str, position: str) -> str:
    data = position.encode()
    return base64.urlsafe_b64encode(_mac(context, scope, data) + data).decode()


def _open(context: Context, scope: str, token: str) -> str:
    try:
        sealed = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidParameterException("NextToken is not valid.") from error
    mac, data = sealed[:MAC_BYTES], sealed[MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(context, scope, data)):
        raise InvalidParameterException("NextToken is not valid.")
    return data.decode()


def _mac(context: Context, scope: str, data: bytes) -> bytes:
    message = hashlib.sha256(scope.encode()).digest() + data
    return hmac.new(context.directory.signing_key(), message, hashlib.sha256).digest()[:MAC_BYTES]
