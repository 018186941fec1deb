"""Lines that functions write: to .postroom/logs, to CloudWatch Logs in batches, and metrics lines to CloudWatch."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from local.aws import ServiceError
from local.functions.pool import FunctionLogSink

if TYPE_CHECKING:
    from pathlib import Path

    from local.aws import Aws
    from local.functions.function import Function

FLUSH_SECONDS: Final = 0.5
"""How long a line waits for others before it goes to CloudWatch Logs. Ours."""

TAIL_BYTES: Final = 4096
"""What LogType=Tail answers. Source: AWS, Invoke, "the last 4 KB of the execution log"."""

_MAX_EVENTS: Final = 1_000
"""Log events in a batch; AWS takes 10,000 or 1 MB."""

_KEPT_LINES: Final = 400
"""Lines of a stream that are kept for tails."""

_BatchKey = tuple[str, str]


class FunctionLogs(FunctionLogSink):
    """Lines of all functions; one thread sends them on."""

    def __init__(self, folder: Path, aws: Aws) -> None:
        """Keep where to write; `start` begins to send.

        Args:
            folder: for `<function>.log`, made new.
            aws: the emulator.
        """
        self._folder = folder
        self._aws = aws
        self._logs = aws.json("logs")
        self._lock = threading.Lock()
        self._files: dict[str, Any] = {}
        self._waiting: dict[_BatchKey, list[dict[str, Any]]] = {}
        self._metrics: list[tuple[str, dict[str, Any]]] = []
        self._recent: dict[str, deque[bytes]] = {}
        self._streams: set[_BatchKey] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send_forever, name="function logs", daemon=True)
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Send from now on."""
        self._thread.start()

    def line(self, function: Function, stream: str, line: bytes) -> None:
        """Take one line, without its end."""
        now = int(time.time() * 1000)
        text = line.decode("utf-8", "replace")
        metrics = embedded_metrics(text)
        with self._lock:
            if self._stop.is_set():
                return  # a worker wrote it while it was killed
            if function.name not in self._files:
                self._files[function.name] = (self._folder / f"{function.name}.log").open("ab", buffering=0)
            self._files[function.name].write(line + b"\n")
            self._recent.setdefault(stream, deque(maxlen=_KEPT_LINES)).append(line)
            if text:  # CloudWatch Logs refuses empty messages
                batch = self._waiting.setdefault((function.log_group, stream), [])
                batch.append({"timestamp": now, "message": text})
            self._metrics += metrics

    def tail(self, stream: str, request_id: str) -> bytes:
        """Return the last 4 KB of what one invocation wrote, START to REPORT."""
        start = f"START RequestId: {request_id} ".encode()
        with self._lock:
            lines = list(self._recent.get(stream, ()))
        first = next((number for number, line in enumerate(lines) if line.startswith(start)), 0)
        return b"".join(line + b"\n" for line in lines[first:])[-TAIL_BYTES:]

    def close(self) -> None:
        """Close the files; what was not sent yet is in them."""
        self._stop.set()
        with self._lock:
            for file in self._files.values():
                file.close()
            self._files = {}

    def _send_forever(self) -> None:
        while not self._stop.wait(FLUSH_SECONDS):
            try:
                self.flush()
            except (OSError, ServiceError) as error:
                self._note(f"could not send function logs: {error}")

    def flush(self) -> None:
        """Send what waits.

        Raises:
            ServiceError, OSError: the emulator refused or is gone; the lines are in the files.
        """
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            metrics, self._metrics = self._metrics, []
        for (group, stream), events in waiting.items():
            self._ensure_stream(group, stream)
            for first in range(0, len(events), _MAX_EVENTS):
                batch = events[first : first + _MAX_EVENTS]
                self._logs("PutLogEvents", logGroupName=group, logStreamName=stream, logEvents=batch)
        by_namespace: dict[str, list[dict[str, Any]]] = {}
        for namespace, datum in metrics:
            by_namespace.setdefault(namespace, []).append(datum)
        for namespace, data in by_namespace.items():
            self._aws.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=data)

    def _ensure_stream(self, group: str, stream: str) -> None:
        if (group, stream) in self._streams:
            return
        for operation, members in (
            ("CreateLogGroup", {"logGroupName": group}),
            ("CreateLogStream", {"logGroupName": group, "logStreamName": stream}),
        ):
            try:
                self._logs(operation, **members)
            except ServiceError as error:
                if error.code != "ResourceAlreadyExistsException":
                    raise
        self._streams.add((group, stream))

    def _note(self, problem: str) -> None:
        with (self._folder / "up.log").open("a", encoding="utf-8") as log:
            log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {problem}\n")


def embedded_metrics(line: str) -> list[tuple[str, dict[str, Any]]]:
    """Return what an embedded-metric-format line measures: (namespace, PutMetricData datum) each; else nothing.

    Source: AWS, "Specification: Embedded metric format". Lines that only look like it are lines.
    """
    if not line.startswith("{") or '"_aws"' not in line:
        return []
    try:
        root = json.loads(line)
        directives = root["_aws"]["CloudWatchMetrics"]
        timestamp = root["_aws"]["Timestamp"] / 1000
        return [
            (directive["Namespace"], _datum(root, metric, dimensions, timestamp))
            for directive in directives
            for dimensions in directive.get("Dimensions") or [[]]
            for metric in directive["Metrics"]
        ]
    except (ValueError, KeyError, TypeError):
        return []


def _datum(root: dict[str, Any], metric: dict[str, Any], dimensions: list[str], timestamp: float) -> dict[str, Any]:
    value = root[metric["Name"]]
    return {
        "MetricName": metric["Name"],
        "Dimensions": [{"Name": name, "Value": str(root[name])} for name in dimensions],
        "Unit": metric.get("Unit", "None"),
        "Timestamp": timestamp,
        "Values": [float(one) for one in (value if isinstance(value, list) else [value])],
    }
