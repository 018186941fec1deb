"""One function's process: what AWS's Python runtime does, over two pipes instead of the Runtime API.

Started as a script by `process.py` with nothing of the supervisor imported: standard library only, then the function.
A frame on a pipe is two big-endian 32-bit lengths, a JSON header and a payload.

    in    {"request_id", "deadline_ms", "arn", "client_context"}      payload: the event as sent
    out   {"ready": true} | {"init_error": true} + error payload      once, after the handler was imported
    out   {"error": false | true}                                     payload: the answer, or the error; "ends": true,
                                                                      from Node.js alone, before the process ends itself

End of file on the incoming pipe means that the supervisor has ended, for whatever reason: the process group is killed.
"""

from __future__ import annotations

import importlib
import io
import json
import logging
import os
import queue
import resource
import signal
import struct
import sys
import threading
import time
import traceback
from typing import Any, BinaryIO

_LENGTHS = struct.Struct(">II")


class LambdaContext:
    """The second argument of every handler. Source: AWS, "Using the Lambda context object in Python"."""

    def __init__(self, header: dict[str, Any]) -> None:
        self.aws_request_id: str = header["request_id"]
        self.invoked_function_arn: str = header["arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]  # a string on AWS, too
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.client_context: Any = header.get("client_context")
        self.identity: Any = None
        self.tenant_id: Any = None
        self._epoch_deadline_time_in_ms: int = header["deadline_ms"]

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the timeout of the template; never negative."""
        return max(self._epoch_deadline_time_in_ms - int(time.time() * 1000), 0)

    def log(self, message: object) -> None:
        """Write to the function's log."""
        sys.stdout.write(str(message))


class _RequestIdFilter(logging.Filter):
    request_id = ""

    def filter(self, record: logging.LogRecord) -> bool:
        """Give every record the id that Lambda's log format shows."""
        record.aws_request_id = self.request_id
        return True


def _read_exactly(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data


def _receive(stream: BinaryIO) -> tuple[dict[str, Any], bytes]:
    header_length, payload_length = _LENGTHS.unpack(_read_exactly(stream, _LENGTHS.size))
    return json.loads(_read_exactly(stream, header_length)), _read_exactly(stream, payload_length)


def send(stream: BinaryIO, header: dict[str, Any], payload: bytes = b"") -> None:
    """Write one frame."""
    encoded = json.dumps(header).encode()
    stream.write(_LENGTHS.pack(len(encoded), len(payload)) + encoded + payload)
    stream.flush()


def watch(stream: BinaryIO, requests: queue.SimpleQueue[tuple[dict[str, Any], bytes]]) -> None:
    """Pass on requests of the supervisor; end the process group when it has ended."""
    try:
        while True:
            requests.put(_receive(stream))
    except EOFError:
        os.killpg(0, signal.SIGKILL)  # we lead our own group: what the function started goes as well


def _error(error: BaseException, request_id: str, *, skip: int) -> bytes:
    """Shape an error as Lambda does; the first `skip` frames are the runtime's own."""
    frames = traceback.extract_tb(error.__traceback__)[skip:]
    shaped = {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "requestId": request_id,
        "stackTrace": traceback.format_list(frames),
    }
    trace = "".join(shaped["stackTrace"])
    sys.stdout.write(
        f"[ERROR] {shaped['errorType']}: {shaped['errorMessage']}\nTraceback (most recent call last):\n{trace}"
    )
    return json.dumps(shaped).encode()


def _init_error(kind: str, message: str) -> bytes:
    sys.stdout.write(f"[ERROR] {kind}: {message}\n")
    return json.dumps({"errorMessage": message, "errorType": kind, "requestId": "", "stackTrace": []}).encode()


def _import_handler(name: str) -> Any:
    """Return the handler, or the error payload (bytes) that Lambda would answer with."""
    module_name, _, attribute = name.rpartition(".")
    if not module_name:
        return _init_error("Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        traceback.print_exc()
        return _init_error("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}")
    except SyntaxError as error:
        return _init_error("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}")
    except Exception as error:  # noqa: BLE001  whatever a function's module raises is that function's answer
        return _error(error, "", skip=1)
    if not hasattr(module, attribute):
        return _init_error("Runtime.HandlerNotFound", f"Handler '{attribute}' missing on module '{module_name}'")
    return getattr(module, attribute)


def _run(handler: Any, header: dict[str, Any], payload: bytes) -> tuple[bool, bytes]:
    """Return whether it failed, and the payload of the answer."""
    request_id = header["request_id"]
    try:
        answer = handler(json.loads(payload), LambdaContext(header))
    except Exception as error:  # noqa: BLE001  whatever a handler raises is that function's answer
        return True, _error(error, request_id, skip=1)
    try:
        # NaN passes as it does on AWS, whose runtime encodes with simplejson and allow_nan: the caller must see it.
        return False, json.dumps(answer, ensure_ascii=False, default=_number).encode()
    except (TypeError, ValueError) as error:
        shaped = {"errorMessage": f"Unable to marshal response: {error}", "errorType": "Runtime.MarshalError"}
        return True, json.dumps({**shaped, "requestId": request_id, "stackTrace": []}).encode()


def _number(value: Any) -> float:
    """Encode what boto3 reads from DynamoDB, as AWS's runtime does.

    Raises:
        TypeError: it is something else.
    """
    if type(value).__name__ == "Decimal":  # by name: not every worker imports decimal
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def peak_bytes(process: str = "self") -> int:
    """Return the most memory that a process had at once, in bytes."""
    path = f"/proc/{process}/status"
    try:
        with open(path, encoding="ascii") as status:  # noqa: PTH123  no pathlib in every worker for this
            return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM:"))
    except OSError:  # no /proc: not Linux, where getrusage would count what the supervisor used before exec
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def report(request_id: str, took_ms: float, peak: int) -> str:
    """Return Lambda's REPORT line. The peak is the process's since its start, as on AWS."""
    size = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
    used = f"Memory Size: {size} MB\tMax Memory Used: {peak >> 20} MB"
    return f"REPORT RequestId: {request_id}\tDuration: {took_ms:.2f} ms\t{used}"


def _log_like_lambda() -> _RequestIdFilter:
    ids = _RequestIdFilter()
    root = logging.StreamHandler(sys.stdout)
    # Source: aws-lambda-python-runtime-interface-client, its default log format.
    form = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
    formatter = logging.Formatter(form, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    root.setFormatter(formatter)
    root.addFilter(ids)
    logging.getLogger().addHandler(root)
    return ids


def main(requests_fd: int, answers_fd: int, path: list[str]) -> None:
    """Import the handler that `_HANDLER` names, then answer invocations one at a time until the supervisor is gone."""
    sys.path[0:0] = [folder for folder in path if folder not in sys.path]
    incoming, answers = os.fdopen(requests_fd, "rb"), os.fdopen(answers_fd, "wb")
    requests: queue.SimpleQueue[tuple[dict[str, Any], bytes]] = queue.SimpleQueue()
    threading.Thread(target=watch, args=(incoming, requests), name="supervisor-watch", daemon=True).start()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # a line is in the log also where its function is killed
    ids = _log_like_lambda()
    handler = _import_handler(os.environ["_HANDLER"])
    if isinstance(handler, bytes):
        sys.stdout.flush()
        send(answers, {"init_error": True}, handler)
        return
    send(answers, {"ready": True})
    while True:
        header, payload = requests.get()
        ids.request_id = header["request_id"]
        sys.stdout.write(f"START RequestId: {ids.request_id} Version: $LATEST\n")
        began = time.monotonic()
        failed, answer = _run(handler, header, payload)
        took = (time.monotonic() - began) * 1000
        sys.stderr.flush()
        sys.stdout.write(f"END RequestId: {ids.request_id}\n{report(ids.request_id, took, peak_bytes())}\n")
        sys.stdout.flush()
        send(answers, {"error": failed}, answer)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
