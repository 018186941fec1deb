"""The handler: fetch the message, restyle it, hand it back; every recipient gets the default action."""

from __future__ import annotations

import functools
import logging
import os
import uuid
from typing import Any

import boto3
from botocore.exceptions import ClientError

from .mime import UnreadableError
from .restyle import restyle
from .settings import Settings

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))

GO_ON: dict[str, Any] = {"actions": [{"action": {"type": "DEFAULT"}, "allRecipients": True}]}

settings = Settings.read(os.environ)  # a wrong setting fails here, before the first message


@functools.cache
def client(service: str) -> Any:
    """Return a boto3 client; made once per execution environment."""
    make: Any = boto3.client
    return make(service)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer a synchronous Run Lambda rule. Event and answer: WorkMail's guide, "Lambda event data"."""
    message_id = event["messageId"]
    raw = client("workmailmessageflow").get_raw_message_content(messageId=message_id)["messageContent"].read()
    try:
        restyled = restyle(raw, settings)
    except UnreadableError as error:
        logger.warning("message %s stays as it is: %s", message_id, error)
        return GO_ON
    logger.info("message %s: %s", message_id, "; ".join(restyled.done) or "nothing to do")
    if restyled.content != raw:
        put(message_id, restyled.content)
    return GO_ON


def put(message_id: str, content: bytes) -> None:
    """Give the message its new content.

    A message that has been redirected (frozen) goes on as it is, and so does one that may not be replaced, because it
    breaks WorkMail's criteria already as it came: another attempt would end alike. Every other refusal is raised, so
    that the rule tries again and, in the end, applies its fallback action.
    """
    # Of a key, the Message Flow API takes letters, digits, hyphens and slashes only.
    key = f"{message_id}/{uuid.uuid4()}"
    bucket = settings.bucket
    client("s3").put_object(Bucket=bucket, Key=key, Body=content, ContentType="message/rfc822")
    reference = {"s3Reference": {"bucket": bucket, "key": key}}
    try:
        client("workmailmessageflow").put_raw_message_content(messageId=message_id, content=reference)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("MessageFrozen", "MessageRejected"):
            raise
        logger.warning("message %s goes on as it is: %s", message_id, error)
