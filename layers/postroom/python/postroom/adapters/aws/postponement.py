"""Delays of SQS messages, by their visibility timeout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.adapters.aws.transactions import store_errors

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class SqsPostponement:
    """Implements ``Postponement``."""

    client: SQSClient
    url: str

    def postpone(self, receipt: str, delay_s: int) -> None:
        with store_errors("postpone a message"):
            self.client.change_message_visibility(QueueUrl=self.url, ReceiptHandle=receipt, VisibilityTimeout=delay_s)
