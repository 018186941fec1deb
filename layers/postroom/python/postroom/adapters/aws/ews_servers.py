"""EWS servers over HTTPS, with basic authentication (docs/decisions/0029)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from postroom.adapters.aws.guarded_connections import resolve
from postroom.adapters.aws.http_posts import Deadlines, PostError, Posts, PostTimeoutError, TooLargeAnswerError
from postroom.adapters.aws.tls_contexts import NO_CERTIFICATES, Contexts
from postroom.contracts.ews import free_busy, soap
from postroom.contracts.ews.availability import write_request
from postroom.contracts.http_calls import PASSED_ON
from postroom.errors import InvalidEwsAnswerError, InvalidHostError, PermanentError
from postroom.model.free_busy import FailureCode
from postroom.model.limits import MB
from postroom.model.private_servers import endpoint
from postroom.ports.ews_servers import EwsServers, ServerFailure

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from postroom.adapters.aws.guarded_connections import Resolve
    from postroom.model.availability import EwsProvider
    from postroom.model.free_busy import MailboxResult
    from postroom.model.private_servers import Origin, PrivateServers

LIMITS: Final = soap.Limits(max_bytes=5 * MB, max_depth=32, max_elements=200_000)
"""Of a server's answer. Ours: about 10,000 events with details, 100 for each of the most mailboxes."""

_STATUSES: Final = {
    401: "The EWS server refused the user name or the password.",
    403: "The EWS server denied access (HTTP status 403).",
    404: "The EWS server has nothing at the endpoint's path (HTTP status 404).",
}
_BUSY: Final = (429, 503)
_FAULTS: Final = {
    "ErrorServerBusy": FailureCode.SERVER_BUSY,
    "ErrorInternalServerTransientError": FailureCode.SERVER_BUSY,
    "ErrorTimeoutExpired": FailureCode.TIMEOUT_EXPIRED,
}
_NAMED_FAULTS: Final = {
    *_FAULTS,
    "ErrorAccessDenied",
    "ErrorInternalServerError",
    "ErrorInvalidServerVersion",
    "ErrorTimeIntervalTooBig",
}
"""Codes that messages name; all others could be a text of the server's."""


class HttpsEwsServers(EwsServers):
    """Asks servers, each question over a connection of its own. It may be used by several threads at a time."""

    def __init__(
        self,
        private_servers: PrivateServers,
        private_certificates: str = NO_CERTIFICATES,
        deadlines: Deadlines | None = None,
        resolve: Resolve = resolve,
    ) -> None:
        """Keep what is needed.

        Args:
            private_servers: servers that may have private addresses.
            private_certificates: PEM of their authorities, or of themselves, in one line or many; or NONE.

        Raises:
            SettingsError: the certificates are no PEM.
        """
        self._private_servers = private_servers
        self._contexts = Contexts(private_certificates, "PRIVATE_EWS_CERTIFICATES")
        self._posts = Posts(self._tls, private_servers.may_connect, deadlines, resolve)

    def free_busy(
        self, provider: EwsProvider, password: str, mailboxes: Sequence[str], start_ms: int, end_ms: int
    ) -> tuple[MailboxResult, ...] | ServerFailure:
        question = soap.request(write_request(mailboxes, start_ms, end_ms))
        account = base64.b64encode(f"{provider.user_name}:{password}".encode()).decode("ascii")
        headers = {
            "Authorization": f"Basic {account}",
            "Content-Type": soap.CONTENT_TYPE,
            "User-Agent": "Postroom",
            PASSED_ON: "true",
        }
        try:
            server = endpoint(provider.endpoint)
            self._private_servers.check(server.origin)  # it was allowed once, but the stack's list may have changed
            posted = self._posts.post(server, headers, question, LIMITS.max_bytes)
        except InvalidHostError as error:
            said = f"The configuration's endpoint is not allowed: {error}."
            return ServerFailure(FailureCode.FREE_BUSY_GENERATION_FAILED, said)
        except PostError as error:
            return ServerFailure(_code(error), str(error))
        if posted.status not in (200, 500):
            return _refused(posted.status)
        try:
            return free_busy.read_answer(soap.read_answer(posted.content, LIMITS), mailboxes, start_ms, end_ms)
        except soap.FaultError as error:
            return _fault(error, posted.status)
        except (soap.UnreadableXmlError, InvalidEwsAnswerError) as error:
            return _refused(500) if posted.status == 500 else _invalid(error)

    def _tls(self, origin: Origin) -> ssl.SSLContext:
        return self._contexts.of(is_listed=origin in self._private_servers.origins)


def _code(error: PostError) -> FailureCode:
    if isinstance(error, PostTimeoutError):
        return FailureCode.TIMEOUT_EXPIRED
    if isinstance(error, TooLargeAnswerError):
        return FailureCode.RESPONSE_SCHEMA_VALIDATION
    return FailureCode.FREE_BUSY_GENERATION_FAILED


def _refused(status: int) -> ServerFailure:
    if status in _BUSY:
        return ServerFailure(FailureCode.SERVER_BUSY, f"The EWS server is busy (HTTP status {status}).")
    if 300 <= status < 400:
        said = "The EWS server redirects, which is not followed: the configuration must have its final URL."
        return ServerFailure(FailureCode.FREE_BUSY_GENERATION_FAILED, said)
    said = _STATUSES.get(status, f"The EWS server answered with HTTP status {status}.")
    return ServerFailure(FailureCode.FREE_BUSY_GENERATION_FAILED, said)


def _fault(error: soap.FaultError, status: int) -> ServerFailure:
    """Return the failure of a fault, or of XML that is no SOAP, of which ``soap`` says the code of a schema error."""
    if error.code == soap.SCHEMA_VALIDATION:
        return _refused(status) if status == 500 else _invalid(InvalidEwsAnswerError("it is not a SOAP message"))
    code = error.code if error.code in _NAMED_FAULTS else "a code that is not expected"
    kept = _FAULTS.get(error.code, FailureCode.FREE_BUSY_GENERATION_FAILED)
    return ServerFailure(kept, f"The EWS server answered with a fault: {code}.")


def _invalid(error: PermanentError) -> ServerFailure:
    return ServerFailure(FailureCode.RESPONSE_SCHEMA_VALIDATION, f"The EWS server's answer is not valid: {error}.")
