"""Any event for any function, for example one of `sam local generate-event workmail email`."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from cli.errors import UsageError
from cli.samples import Result, Sample, read_answer
from postroom.contracts import rule_lambda
from postroom.errors import InvalidRuleAnswerError
from postroom.model.rules import Direction

if TYPE_CHECKING:
    from pathlib import Path

    from cli.running import Stack

STDIN: Final = "-"

NO_ANSWER: Final = "no answer: correct only for an asynchronous rule"


def read(file: Path) -> Sample:
    """Read an event; ``-`` is standard input.

    Raises:
        UsageError: it cannot be read, or is not JSON.
    """
    try:
        text = sys.stdin.read() if str(file) == STDIN else file.read_text("utf-8")
        json.loads(text)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    except ValueError as error:  # also bytes that are not UTF-8
        raise UsageError(f"{file}: not JSON: {error}") from error
    return Sample(file, text)


def run(stack: Stack, sample: Sample, function: str) -> Result:
    """Invoke a function; check its answer to the event of a rule against the contract of rules.

    Args:
        function: name, logical id or ARN.
    """
    started = time.monotonic()
    said = stack.client("lambda").invoke(FunctionName=function, Payload=sample.text.encode())
    took, payload = round((time.monotonic() - started) * 1000), said["Payload"].read()
    answer = read_answer(payload)
    direction = rule_direction(json.loads(sample.text))
    if said.get("FunctionError"):
        return Result(sample, function, answer, f"{answer.get('errorType')}: {answer.get('errorMessage')}", took)
    if direction is None:
        return Result(sample, function, answer, "", took)
    if answer is None:
        return Result(Sample(sample.path, sample.text, NO_ANSWER), function, answer, "", took)
    return Result(sample, function, answer, _differs(payload, direction), took)


def rule_direction(event: Any) -> Direction | None:
    """Return the direction of the message in a rule's event; None for another event."""
    if not (isinstance(event, dict) and "envelope" in event and "messageId" in event):
        return None
    outbound = event.get("flowDirection") == Direction.OUTBOUND
    return Direction.OUTBOUND if outbound else Direction.INBOUND


def _differs(payload: bytes, direction: Direction) -> str:
    try:
        rule_lambda.read_answer(payload, direction)
    except InvalidRuleAnswerError as error:
        return error.cause
    return ""
