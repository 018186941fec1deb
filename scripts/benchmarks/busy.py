"""A mailbox that gets many messages at once: this build beside the one before messages of a batch entered together.

Each build runs in a process of its own, with its own packages; the files that drive it are those of this build.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli.repository import repository_root

if TYPE_CHECKING:
    from collections.abc import Iterator

BEFORE: Final = "786d7c63"
"""The commit beside which this build is measured: one transaction per message."""

PLACES: Final = {"memory, simulated time": "busy_simulated.py", "emulator": "busy_emulator.py"}
"""What is measured, and the file that does it."""

PACKAGES: Final = ("layers/postroom/python", "scripts", ".")

BUDGET_TIME: Final = 1 / 3
"""Time per message, of that of the build before."""

BUDGET_LONGEST: Final = 3.0
"""The longest wait of a message, in medians."""


@dataclass(frozen=True, slots=True)
class Busy:
    """What one way of measuring found; ``before`` is ``None`` without the build before."""

    now: dict[str, float]
    before: dict[str, float] | None

    @property
    def time(self) -> float | None:
        """Time per message, of that of the build before."""
        return None if self.before is None else self.before["rate"] / self.now["rate"]

    @property
    def longest(self) -> float:
        """The longest wait, in medians."""
        return self.now["longest"] / self.now["median"]

    @property
    def left(self) -> float:
        """Orders that were parked, or wait for the queue's visibility timeout."""
        return self.now.get("parked", 0) + self.now.get("waiting", 0)


def measure() -> Iterator[tuple[str, Busy]]:
    """Measure both builds in turn, in each place."""
    root = repository_root()
    with _before(root) as before:
        for name, file in PLACES.items():
            yield name, Busy(_run(root, file), None if before is None else _run(before, file))


def _run(build: Path, file: str) -> dict[str, float]:
    packages = os.pathsep.join(str(build / each) for each in PACKAGES)
    environment = {**os.environ, "PYTHONPATH": packages}
    program = [sys.executable, "-P", str(Path(__file__).with_name(file))]
    done = subprocess.run(program, cwd=build, env=environment, stdout=subprocess.PIPE, check=True)
    found: Any = json.loads(done.stdout)
    return dict(found)


@contextmanager
def _before(root: Path) -> Iterator[Path | None]:
    """Yield the build before, unpacked; ``None`` if this copy of the repository does not have its commit."""
    with tempfile.TemporaryDirectory() as directory:
        archive = Path(directory) / "before.tar"
        git = ["git", "-C", str(root), "archive", "--output", str(archive), BEFORE]
        if subprocess.run(git, check=False, stderr=subprocess.DEVNULL).returncode:
            yield None
            return
        subprocess.run(["tar", "-x", "-f", str(archive), "-C", directory], check=True)
        yield Path(directory)
