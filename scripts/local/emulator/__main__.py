"""``python -m local.emulator --host H --port P``: serve until SIGTERM, SIGINT or the parent's end.

Prints one line of JSON once requests are accepted: ``{"ready": true, "host": "127.0.0.1", "port": 4566}``. A port that
cannot be bound is one line on stderr and exit status 2.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from typing import Final

from local.emulator.server import EmulatorServer

PARENT_CHECK_SECONDS: Final = 0.2
"""Seconds from one check that the parent still runs to the next. Ours."""


def _watch_parent(parent: int, stopping: threading.Event) -> None:
    """Ask for the end once this process has been handed to another parent."""
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    stopping.set()


def main(arguments: list[str] | None = None) -> int:
    """Run the emulator until it is asked to stop; the process ends with status 0 then.

    Returns:
        Exit status 2: the address cannot be bound.
    """
    parser = argparse.ArgumentParser(prog="local.emulator", description="AWS on one port, in memory")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    options = parser.parse_args(arguments)
    parent = os.getppid()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signal, _frame: stopping.set())
    server = EmulatorServer(options.host, options.port)
    try:
        server.prepare()
    except OSError as error:
        print(f"emulator: cannot listen on {options.host}:{options.port}: {error}", file=sys.stderr)
        return 2
    reach = "127.0.0.1" if options.host in ("0.0.0.0", "::") else options.host  # noqa: S104
    os.environ["AWS_ENDPOINT_URL"] = f"http://{reach}:{server.port}"  # for what the emulator itself asks of services
    threading.Thread(target=_watch_parent, args=(parent, stopping), daemon=True).start()
    threading.Thread(target=server.serve, daemon=True).start()
    print(json.dumps({"ready": True, "host": options.host, "port": server.port}), flush=True)
    stopping.wait()
    # Not server.stop(): it waits for requests in a long poll, 20 seconds at worst. All state is in memory anyway.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
