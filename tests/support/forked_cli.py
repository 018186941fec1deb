"""`postroom …` as a process of its own, forked from one that has done the imports.

A stack test runs dozens of commands, and starting Python with boto3 is most of each. The forked process has what a new
one has: arguments, environment, folder, standard input and outputs. Run as a program, this module is the parent.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TIMEOUT_S: Final = 120
"""Seconds that one command may take."""

_PARENTS: Final[dict[str, subprocess.Popen[str]]] = {}
_LOCK: Final = threading.Lock()


def run(arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run `postroom` with arguments; like ``subprocess.run`` with its outputs captured."""
    with tempfile.TemporaryDirectory() as outputs, _LOCK:
        request = {"arguments": list(arguments), "environment": dict(environment), "folder": str(folder)}
        parent = _parent()
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.stdin.write(json.dumps({**request, "outputs": outputs}) + "\n")
        parent.stdin.flush()
        ready, _, _ = select.select([parent.stdout], [], [], TIMEOUT_S)
        if not ready:
            _PARENTS.pop("cli").kill()
            raise subprocess.TimeoutExpired(list(arguments), TIMEOUT_S)
        status = int(parent.stdout.readline())
        out, err = (Path(outputs, name).read_bytes() for name in ("out", "err"))
    return subprocess.CompletedProcess(list(arguments), status, out, err)


def _parent() -> subprocess.Popen[str]:
    """Return the process that forks; it ends when its standard input does, with this process."""
    parent = _PARENTS.get("cli")
    if parent is None or parent.poll() is not None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "POSTROOM_"))}
        command = [sys.executable, "-m", "tests.support.forked_cli"]
        parent = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=kept, cwd=Path(__file__).parents[2]
        )
        _PARENTS["cli"] = parent
        atexit.register(_end, parent)
    return parent


def _end(parent: subprocess.Popen[str]) -> None:
    parent.kill()
    parent.communicate()


def _serve() -> None:
    """Fork for each line of standard input, and answer with the exit status."""
    import pkgutil

    import boto3  # noqa: F401  the imports of commands, once

    from cli import commands
    from cli.main import main
    from postroom.bootstrap import operator  # noqa: F401

    for module in pkgutil.iter_modules(commands.__path__, "cli.commands."):
        __import__(module.name)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _become(json.loads(line), main)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201  the answer


def _become(request: Mapping[str, Any], main: Any) -> None:
    """Run the command in place of this process."""
    status = 1
    try:
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        for descriptor, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(Path(request["outputs"], name), os.O_WRONLY | os.O_CREAT), descriptor)
        sys.argv = ["postroom", *request["arguments"]]
        main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  as Python does
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _serve()
