"""The Message Flow API: REST-JSON; answers are streamed through API Gateway.

Sources: botocore's model workmailmessageflow/2019-05-01; Smithy, "AWS restJson1 protocol"; API Gateway, "Set up a
Lambda proxy integration with payload response streaming".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from postroom.contracts import aws_json
from postroom.errors import PermanentError
from postroom.model.limits import MB

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GET: Final = "GetRawMessageContent"
PUT: Final = "PutRawMessageContent"
OPERATIONS: Final[Mapping[str, str]] = {"GET": GET, "POST": PUT}
"""Operations by HTTP method; both have the path ``/messages/{messageId}``."""

DELIMITER: Final = b"\0" * 8
"""Bytes between the head of an answer and its body. Source: API Gateway, "Lambda proxy integration format"."""

PIECE_BYTES: Final = MB
"""Most bytes of a body that are sent at once. Ours."""

# the model's pattern with S3's own rules: no bucket name ends with a hyphen or begins with xn--
_BUCKET: Final = re.compile(r"(?!xn--)[a-z0-9][a-z0-9\-]{1,61}[a-z0-9]")
_KEY: Final = re.compile(r"[a-zA-Z0-9\-/]{1,1024}")
# the model allows any character; S3's ids are "URL-ready", and others could break a request or a terminal
_VERSION: Final = re.compile(r"[!-~]{1,1024}")


class MessageFlowError(PermanentError):
    """Root of the modelled errors. The class's name is the wire code; clients print the text."""

    status = 400

    @property
    def code(self) -> str:
        """The value of ``x-amzn-ErrorType``."""
        return type(self).__name__


class AccessDeniedException(MessageFlowError):  # noqa: N818 - the name is the wire code
    """The message is not for the caller. No error of the model: AWS answers so for every operation."""

    status = 403

    def __init__(self, caller_arn: str, operation: str, message_id: str) -> None:
        """Say it in IAM's words; ``caller_arn`` is empty if there is no caller."""
        who = caller_arn or "anonymous"
        action = f"workmailmessageflow:{operation}"
        super().__init__(
            f"User: {who} is not authorized to perform: {action} on resource: message {message_id}: no rule of its"
            " organization called a function with this role for it, and MessageFlowPrincipals does not list the caller"
        )


class ResourceNotFoundException(MessageFlowError):  # noqa: N818 - the name is the wire code
    """No message in transit has this id."""

    status = 404


class InvalidContentLocation(MessageFlowError):  # noqa: N818 - the name is the wire code
    """The new content cannot be read from the given location."""


class MessageRejected(MessageFlowError):  # noqa: N818 - the name is the wire code
    """The new content does not meet the criteria."""


class MessageFrozen(MessageFlowError):  # noqa: N818 - the name is the wire code
    """The content of the message cannot be replaced any more."""


class InvalidRequestError(ValueError):
    """A member of the request is missing; the text names it."""


@dataclass(frozen=True, slots=True)
class S3Reference:
    """An object of the caller; ``version`` is None if the caller names none."""

    bucket: str
    key: str
    version: str | None = None

    @property
    def members(self) -> dict[str, str]:
        """The reference as the API has it."""
        said = {"bucket": self.bucket, "key": self.key, "objectVersion": self.version}
        return {name: value for name, value in said.items() if value is not None}

    def __str__(self) -> str:
        version = f", version {self.version}" if self.version else ""
        return f"s3://{self.bucket}/{self.key}{version}"


def s3_reference(payload: Mapping[str, Any]) -> S3Reference:
    """Read the body of PutRawMessageContent; unknown members are ignored.

    Raises:
        MalformedRequestError: a member has another type than in the model.
        InvalidRequestError: a required member is missing.
        InvalidContentLocation: a member does not match the model's pattern, so that no object can be there (ours;
            WorkMail's error for it is not public).
    """
    reference = _structure(_structure(payload, "content"), "s3Reference", "content.")
    where = "content.s3Reference."
    bucket, key = _text(reference, "bucket", where), _text(reference, "key", where)
    version = _text(reference, "objectVersion", where, required=False)
    if not _BUCKET.fullmatch(bucket or ""):
        raise InvalidContentLocation("bucket: a name of 3 to 63 lower-case letters, digits and hyphens, and no dots.")
    if not _KEY.fullmatch(key or ""):
        raise InvalidContentLocation("key: 1 to 1024 letters, digits, hyphens and slashes, and no dots or underscores.")
    if version is not None and not _VERSION.fullmatch(version):
        raise InvalidContentLocation("objectVersion: 1 to 1024 printable ASCII characters.")
    return S3Reference(bucket or "", key or "", version)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: head, delimiter, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    def pieces(self) -> Iterator[bytes]:
        """Yield the whole answer in pieces."""
        head = {"statusCode": self.status, "headers": dict(self.headers)}
        yield json.dumps(head, separators=(",", ":")).encode() + DELIMITER
        for start in range(0, len(self.body), PIECE_BYTES):
            yield self.body[start : start + PIECE_BYTES]


def encode_content(content: bytes, request_id: str) -> Answer:
    """Answer GetRawMessageContent: the message's bytes are the body."""
    return Answer(200, {"Content-Type": "application/octet-stream", "x-amzn-RequestId": request_id}, content)


def encode_done(request_id: str) -> Answer:
    """Answer PutRawMessageContent."""
    return Answer(200, {"Content-Type": "application/json", "x-amzn-RequestId": request_id}, b"{}")


def encode_error(code: str, text: str, request_id: str, *, status: int = 400) -> Answer:
    """Answer with an error: clients raise the code in the header, and print ``message``."""
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code, "x-amzn-RequestId": request_id}
    return Answer(status, headers, json.dumps({"message": text}, ensure_ascii=False).encode())


def _structure(payload: Mapping[str, Any], name: str, where: str = "") -> Mapping[str, Any]:
    value = payload.get(name)
    if value is None:
        raise InvalidRequestError(f"{where}{name} is missing")
    if not isinstance(value, dict):
        raise aws_json.MalformedRequestError(f"{where}{name} is not an object")
    return value


def _text(payload: Mapping[str, Any], name: str, where: str, *, required: bool = True) -> str | None:
    value = payload.get(name)
    if value is None and required:
        raise InvalidRequestError(f"{where}{name} is missing")
    if value is not None and not isinstance(value, str):
        raise aws_json.MalformedRequestError(f"{where}{name} is not a string")
    return value
