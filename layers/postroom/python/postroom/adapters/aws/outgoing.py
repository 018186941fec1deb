"""Messages that leave by SES's API v2, as raw bytes: up to 40 MB, which v1 does not take.

Source of the operation and its errors: AWS SES API v2 reference, SendEmail. What an error means for a message is ours.
"""

from __future__ import annotations

import base64
import re
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from postroom.adapters.aws.transactions import code_of
from postroom.contracts.ses_events import ORGANIZATION_TAG, PURPOSE_TAG, TRACE_TAG
from postroom.model.addresses import MAX_DOMAIN_CHARACTERS
from postroom.model.transmissions import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from postroom.model.transmissions import Outgoing

NOT_ASCII: Final = Answer.permanent("5.6.7", "Amazon SES sends to no address whose local part is not ASCII")
NO_DOMAIN: Final = Answer.permanent("5.1.2", "the domain is no domain name")

TOO_LARGE_STATUS: Final = "5.3.4"

PERMANENT: Final[Mapping[str, str]] = {
    "BadRequestException": "5.5.4",  # an address or a header field that SES does not take
    "MessageRejected": "5.7.1",  # its content, or an address that the account may not send to
    "RequestEntityTooLargeException": TOO_LARGE_STATUS,
    "RequestEntityTooLarge": TOO_LARGE_STATUS,
}
"""Errors after which no attempt can succeed, with the status of their recipients (RFC 3463)."""

BUSY: Final = frozenset({"TooManyRequestsException", "LimitExceededException", "ThrottlingException", "Throttling"})
"""Errors of sending too much, in a second or a day."""

BUSY_STATUS: Final = "4.3.2"
SETTINGS_STATUS: Final = "4.3.5"
"""Status for what an operator can remove: sending is paused, an identity, a permission or the configuration set is
missing. The message waits for that. Source: RFC 3463, 3.4, system incorrectly configured."""

UNREACHABLE_STATUS: Final = "4.4.1"
INTERRUPTED_STATUS: Final = "4.4.2"

_ARN: Final = re.compile(r"\barn:aws\S*")
"""Names accounts and roles, which are not the sender's business."""

_BEFORE_SENDING: Final = "before-call.sesv2.SendEmail"
_NUMBERS: Final = count(1)


class SesV2Client(Protocol):
    """What is used of botocore's client."""

    @property
    def meta(self) -> Any:
        """The client's events."""

    def send_email(self, **asked: Any) -> Mapping[str, Any]:
        """Call SendEmail."""


@dataclass(frozen=True, slots=True)
class SesV2Sender:
    """Implements ``SesSender``. The client must not retry (``clients.ses_v2_sending``): each attempt may send.

    Attributes:
        configuration_set: of the stack; it publishes bounces and complaints, and tracks no opening and no click.
    """

    client: SesV2Client
    configuration_set: str

    def send(self, outgoing: Outgoing) -> Mapping[str, Answer]:
        refused = {each: answer for each in outgoing.recipients if (answer := _refusal(each)) is not None}
        recipients = [each for each in outgoing.recipients if each not in refused]
        if not recipients:
            return refused
        return {**refused, **dict.fromkeys(recipients, self._sent(outgoing, recipients))}

    def _sent(self, outgoing: Outgoing, recipients: Sequence[str]) -> Answer:
        sender = {"FromEmailAddress": outgoing.envelope_from} if outgoing.envelope_from else {}
        try:
            with _content_in_place(self.client, outgoing.content) as placeholder:
                answer = self.client.send_email(
                    **sender,
                    Destination={"ToAddresses": recipients},
                    Content={"Raw": {"Data": placeholder}},
                    ConfigurationSetName=self.configuration_set,
                    EmailTags=[{"Name": name, "Value": value} for name, value in _tags(outgoing).items()],
                )
        except (BotoCoreError, ClientError) as error:
            return _answer(error, is_shared=len(recipients) > 1)
        return Answer.accepted(answer["MessageId"])


def _tags(outgoing: Outgoing) -> dict[str, str]:
    """Return what SES returns with its events: it takes no empty value."""
    purpose = {PURPOSE_TAG: outgoing.purpose} if outgoing.purpose else {}
    return {TRACE_TAG: outgoing.trace, ORGANIZATION_TAG: outgoing.organization_id, **purpose}


@contextmanager
def _content_in_place(client: SesV2Client, content: bytes) -> Iterator[bytes]:
    """Yield what stands for a message in a request, and put the message there after botocore has written it.

    botocore would have the message in base64 three more times at once: as text, in the JSON text, and in its bytes.
    """
    placeholder = b"postroom content %012d" % next(_NUMBERS)  # another request of the same client has another message
    mark = base64.b64encode(placeholder)

    def put(params: dict[str, Any], **_: object) -> None:
        before, found, after = params["body"].partition(mark)
        if found:
            params["body"] = b"".join([before, base64.b64encode(content), after])

    client.meta.events.register(_BEFORE_SENDING, put)
    try:
        yield placeholder
    finally:
        client.meta.events.unregister(_BEFORE_SENDING, put)


def _refusal(recipient: str) -> Answer | None:
    """Return why SES takes an address in no message; ``None``: it may take it. One such address refuses all others."""
    local, _, domain = recipient.rpartition("@")
    if not local.isascii():
        return NOT_ASCII
    return None if domain.isascii() and 0 < len(domain) <= MAX_DOMAIN_CHARACTERS else NO_DOMAIN


def _answer(error: BotoCoreError | ClientError, *, is_shared: bool) -> Answer:
    """Return what an error of SES or of the way to it means."""
    if not isinstance(error, ClientError):
        is_before = isinstance(error, EndpointConnectionError | ConnectTimeoutError)
        status = UNREACHABLE_STATUS if is_before else INTERRUPTED_STATUS
        return Answer.temporary(status, f"Amazon SES: {code_of(error)}", may_have_arrived=not is_before)
    code, said = code_of(error), _ARN.sub("(an ARN)", error.response.get("Error", {}).get("Message", ""))
    text = f"Amazon SES: {code}: {said}"
    if code in PERMANENT:
        status = PERMANENT[code]
        return Answer.permanent(status, text, is_shared=is_shared and status != TOO_LARGE_STATUS)
    if code in BUSY:
        return Answer.temporary(BUSY_STATUS, text)
    http = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if http >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Answer.temporary(INTERRUPTED_STATUS, text, may_have_arrived=True)
    return Answer.temporary(SETTINGS_STATUS, text)
