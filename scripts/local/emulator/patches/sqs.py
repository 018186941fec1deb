"""SQS: standard queues keep their messages in ``StandardQueue``; FIFO queues stay moto's."""

from __future__ import annotations

from typing import Any

import moto.sqs.models as sqs_models
from moto.sqs.exceptions import InvalidParameterValue
from moto.sqs.models import Message, Queue, SQSBackend

from local.emulator.standard_queue import store_of

_original_send = SQSBackend.send_message
_original_receive = SQSBackend.receive_message
_original_change = SQSBackend.change_message_visibility
_original_purge = SQSBackend.purge_queue
_original_delete = Queue.delete_message
_original_add = Queue.add_message
_original_available = Queue.approximate_number_of_messages.fget
_original_delayed = Queue.approximate_number_of_messages_delayed.fget
_original_not_visible = Queue.approximate_number_of_messages_not_visible.fget


def send_message(
    self: SQSBackend,
    queue_name: str,
    message_body: str,
    message_attributes: dict[str, Any] | None = None,
    delay_seconds: int | None = None,
    deduplication_id: str | None = None,
    group_id: str | None = None,
    system_attributes: dict[str, Any] | None = None,
    validate_group_id: bool = True,
) -> Message:
    """Send one message; moto counts all messages of the queue on the way.

    A MessageGroupId on a standard queue is kept and handed out, and decides the order (``StandardQueue``).
    """
    queue = self.get_queue(queue_name)
    if queue.fifo_queue:
        return _original_send(
            self,
            queue_name,
            message_body,
            message_attributes,
            delay_seconds,
            deduplication_id,
            group_id,
            system_attributes,
            validate_group_id,
        )
    delay = queue.delay_seconds if delay_seconds is None else int(delay_seconds)
    self._validate_message(queue, message_body, delay, deduplication_id, group_id)
    if not 0 <= delay <= sqs_models.MAXIMUM_MESSAGE_DELAY:
        raise InvalidParameterValue(
            f"Value {delay} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
        )
    message = Message(str(sqs_models.random.uuid4()), message_body, system_attributes)
    message.message_attributes = message_attributes or {}
    message.group_id = group_id
    message.mark_sent(delay_seconds=delay)
    queue.add_message(message)
    return message


def add_message(self: Queue, message: Message) -> None:
    """Put a message into the queue (SendMessage, SNS, EventBridge, redrive)."""
    if self.fifo_queue:
        _original_add(self, message)
    else:
        store_of(self).send(message)


def receive_message(
    self: SQSBackend,
    queue_name: str,
    count: int,
    wait_seconds_timeout: int,
    visibility_timeout: int,
    message_attribute_names: list[str] | None = None,
) -> list[Message]:
    """Receive messages; moto looks at every message of the queue, once a second while it waits."""
    queue = self.get_queue(queue_name)
    if queue.fifo_queue:
        return list(
            _original_receive(
                self, queue_name, count, wait_seconds_timeout, visibility_timeout, message_attribute_names
            )
        )
    received = store_of(queue).receive(count, wait_seconds_timeout, int(visibility_timeout))
    for message in received:
        sqs_models._filter_message_attributes(message, message_attribute_names or [])  # noqa: SLF001
    return received


def delete_message(self: Queue, receipt_handle: str) -> None:
    """Delete one message by its handle."""
    if self.fifo_queue:
        _original_delete(self, receipt_handle)
    else:
        store_of(self).delete(receipt_handle)


def change_message_visibility(self: SQSBackend, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
    """Change when a message in flight may be received again."""
    queue = self.get_queue(queue_name)
    if queue.fifo_queue:
        _original_change(self, queue_name, receipt_handle, visibility_timeout)
    else:
        store_of(queue).change_visibility(receipt_handle, int(visibility_timeout))


def purge_queue(self: SQSBackend, queue_name: str) -> None:
    """Empty a queue."""
    _original_purge(self, queue_name)
    store_of(self.get_queue(queue_name)).purge()


def approximate_number_of_messages(self: Queue) -> int:
    """Count the messages that may be received now."""
    return int(_original_available(self)) if self.fifo_queue else store_of(self).counts()[0]


def approximate_number_of_messages_delayed(self: Queue) -> int:
    """Count the messages whose delay is not over."""
    return int(_original_delayed(self)) if self.fifo_queue else store_of(self).counts()[1]


def approximate_number_of_messages_not_visible(self: Queue) -> int:
    """Count the messages in flight."""
    return int(_original_not_visible(self)) if self.fifo_queue else store_of(self).counts()[2]


def apply() -> None:
    """Put the functions above in place of moto's."""
    SQSBackend.send_message = send_message
    SQSBackend.receive_message = receive_message
    SQSBackend.change_message_visibility = change_message_visibility
    SQSBackend.purge_queue = purge_queue
    Queue.add_message = add_message
    Queue.delete_message = delete_message
    Queue.approximate_number_of_messages = property(approximate_number_of_messages)
    Queue.approximate_number_of_messages_delayed = property(approximate_number_of_messages_delayed)
    Queue.approximate_number_of_messages_not_visible = property(approximate_number_of_messages_not_visible)
