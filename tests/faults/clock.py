"""The clock of a run, which functions and queues use."""

from __future__ import annotations

import contextlib
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from local.emulator import standard_queue
from postroom.bootstrap import clock, transmit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Clock:
    """The clock of functions and queues: the real time plus the skipped time. A sleep does not wait."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def time(self) -> float:
        return time.time() + self.skipped

    def time_ns(self) -> int:
        return time.time_ns() + int(self.skipped * 1e9)

    def sleep(self, seconds: float) -> None: ...

    @contextlib.contextmanager
    def installed(self, queues: Iterable[Any]) -> Iterator[None]:
        """Make the functions' clock module and moto's queues use this clock."""
        begin, send = standard_queue.StandardQueue.__init__, standard_queue.StandardQueue.send

        def begun(store: Any, queue: Any, clock: Any = self.time) -> None:
            begin(store, queue, clock)

        def sent(store: Any, message: Any) -> None:
            if not hasattr(message, "our_clock"):  # a dead letter is sent again
                message.our_clock = True
                message.sent_timestamp += int(self.skipped * 1000)
                message.delayed_until += int(self.skipped * 1000)
            send(store, message)

        for queue in queues:
            queue.__dict__.pop(standard_queue.ATTRIBUTE, None)
        with (
            patch.object(clock, "time", SimpleNamespace(time_ns=self.time_ns, monotonic=self.time, sleep=self.sleep)),
            patch.object(transmit, "random", SimpleNamespace(random=lambda: 0.5)),  # gaps are the same in each run
            patch.object(standard_queue.StandardQueue, "__init__", begun),
            patch.object(standard_queue.StandardQueue, "send", sent),
        ):
            yield
