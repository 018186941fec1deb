"""Bounce messages, sent by SES."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.transactions import code_of
from postroom.errors import PostroomError, RefusedByServiceError, StoreUnavailableError, UnwritableAddressError

if TYPE_CHECKING:
    from mypy_boto3_ses import SESClient

    from postroom.model.bounces import Bounce

BAD_ADDRESS: Final = frozenset({"InvalidParameterValue", "InvalidParameterValueException"})
"""SES's error codes for an address that it cannot send to."""

THROTTLED: Final = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "LimitExceeded"})


@dataclass(frozen=True, slots=True)
class SesBounceSender:
    """Implements ``BounceSender``. The client must not retry (``clients.ses_sending``): each attempt may send."""

    client: SESClient

    def answer(self, bounce: Bounce) -> str | None:
        """Call SendBounce. What SES refuses there may still be sent by SendRawEmail."""
        try:
            answer = self.client.send_bounce(
                OriginalMessageId=bounce.ses_message_id,
                BounceSender=bounce.author,
                Explanation=bounce.explanation,
                MessageDsn={
                    "ReportingMta": f"dns; {bounce.domain}",
                    "ArrivalDate": datetime.fromtimestamp(bounce.arrived / 1000, UTC),
                },
                BouncedRecipientInfoList=[
                    {
                        "Recipient": failure.address,
                        "RecipientDsnFields": {
                            "Action": "failed",
                            "Status": failure.status,
                            "DiagnosticCode": f"smtp; {failure.diagnostic}",
                        },
                    }
                    for failure in bounce.failures
                ],
            )
        except (BotoCoreError, ClientError) as error:
            if _is_refusal(error):
                return None
            raise _away(error) from error
        return answer["MessageId"]

    def send(self, bounce: Bounce, content: bytes) -> str:
        """Call SendRawEmail."""
        try:
            answer = self.client.send_raw_email(
                Source=bounce.mail_from, Destinations=[bounce.to], RawMessage={"Data": content}
            )
        except (BotoCoreError, ClientError) as error:
            raise _lost(error) from error
        return answer["MessageId"]


def _is_refusal(error: BotoCoreError | ClientError) -> bool:
    """Return whether SES certainly sent nothing: a 4xx answer, or an operation that is not implemented."""
    if not isinstance(error, ClientError):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status < HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.NOT_IMPLEMENTED


def _lost(error: BotoCoreError | ClientError) -> PostroomError:
    code = code_of(error)
    if code in BAD_ADDRESS:
        return UnwritableAddressError("SES does not take the envelope sender's address")
    if code in THROTTLED or not _is_refusal(error):
        return _away(error)
    return RefusedByServiceError(f"SES refuses to send a bounce message: {code}")


def _away(error: BotoCoreError | ClientError) -> StoreUnavailableError:
    return StoreUnavailableError(f"could not send a bounce message: {code_of(error)}")
