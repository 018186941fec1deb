"""Hot reload: a customer's function whose files have changed runs on new processes from its next event on.

Time, size and inode of files are read a few times a second, and more rarely if there are so many that reading takes
time. Files that editors and tools write beside a function's code are ignored. Several changes at once, and a save that
renames a file into place, take effect when nothing has changed for a moment. An event under way ends on the process on
which it began; no event is sent a second time.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
import time
from dataclasses import replace
from fnmatch import translate
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from local.functions.function import Function
    from local.functions.invocations import Invocations
    from local.template.project import Project

LOOK_SECONDS: Final = 0.4
"""From one look to the next. Ours."""

RAREST_SECONDS: Final = 1.2
"""The same where looking takes long: the thread is idle for ``IDLE`` times as long as it looks, but not for longer."""

IDLE: Final = 100

QUIET_SECONDS: Final = 0.2
"""How long nothing may change before a function is restarted. Ours."""

MAX_WAIT_SECONDS: Final = 1.0
"""How long a function waits for that if something changes all the time. Ours."""

PASSED_OVER: Final = (
    ".*",  # .git, .aws-sam, .venv, .DS_Store, editors' folders, swap and lock files
    "node_modules",
    "__pycache__",
    "venv",
    "*.pyc",
    "*~",
    "#*#",
    "*___jb_*___",
    "4913",  # vim's, to see whether it may write
)
"""Names of files and folders that are no part of a function's code."""

_PASSED_OVER: Final = re.compile("|".join(map(translate, PASSED_OVER)))

Look = dict[str, tuple[int, int, int]]
"""What a look saw: time of change in nanoseconds, size in bytes, and inode, by path."""


def look(place: str) -> Look:
    """Look at every file of a folder, or at a file; where there is nothing, nothing is seen."""
    return {path: (seen.st_mtime_ns, seen.st_size, seen.st_ino) for path, seen in _files(place)}


def _files(place: str) -> Iterator[tuple[str, os.stat_result]]:
    found: list[os.DirEntry[str]] = []
    try:
        with os.scandir(place) as entries:
            found = list(entries)
    except NotADirectoryError:
        with contextlib.suppress(OSError):
            yield place, Path(place).stat()
    except OSError:
        return  # removed meanwhile, or not there yet
    for entry in found:
        if _PASSED_OVER.match(entry.name):
            continue
        with contextlib.suppress(OSError):  # the same; a link that leads nowhere
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path)
            else:
                yield entry.path, entry.stat()


class Reloading:
    """Watches the folders of customers' projects, on a thread of its own."""

    def __init__(
        self,
        projects: Iterable[Project],
        invocations: Invocations,
        say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
    ) -> None:
        """Look once: what changes from now on counts.

        Args:
            projects: customers' own.
            invocations: where their functions run.
            say: called with a line for each restart, and for each change that needs a new start of `up`.
        """
        projects = list(projects)
        self._invocations = invocations
        self._say = say
        self._functions = [
            (project, each, sorted(map(str, project.sources.get(each.logical_id, ()))))
            for project in projects
            for each in project.functions
        ]
        self._read_at_start = {str(path) for each in projects for path in (each.path, each.folder / "samconfig.toml")}
        self._looks = {place: look(place) for place in (*self._outermost(), *self._read_at_start)}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="reloading", daemon=True)

    def start(self) -> None:
        """Watch from now on."""
        if self._functions:
            self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def _outermost(self) -> list[str]:
        """Return the folders to look at; one that is seen with another is not among them."""
        folders = {folder for _, _, its in self._functions for folder in its}
        return sorted(each for each in folders if not any(_is_seen_with(each, other) for other in folders))

    def _watch(self) -> None:
        pause = LOOK_SECONDS
        while not self._stop.wait(pause):
            began = time.monotonic()
            changed = self.look_again()
            if changed:
                self._settle(changed)
                self.act(changed)
            pause = min(max(LOOK_SECONDS, IDLE * (time.monotonic() - began)), RAREST_SECONDS)
            if changed:
                pause = LOOK_SECONDS

    def _settle(self, changed: set[str]) -> None:
        """Wait until nothing changes any more; add the changes meanwhile."""
        until = time.monotonic() + MAX_WAIT_SECONDS
        while time.monotonic() < until and not self._stop.wait(QUIET_SECONDS):
            more = self.look_again()
            if not more:
                return
            changed |= more

    def look_again(self) -> set[str]:
        """Return the paths of files that were added, changed or removed since the last look."""
        changed: set[str] = set()
        for folder, before in self._looks.items():
            now = look(folder)
            if now != before:
                changed |= {path for path, _ in now.items() ^ before.items()}
                self._looks[folder] = now
        return changed

    def act(self, changed: Iterable[str]) -> None:
        """Restart each function that has one of these files; say which changes need a new start of `up`."""
        paths = sorted(changed)
        for path in paths:
            if path in self._read_at_start:
                self._say(f"postroom: {path} changed; `postroom up` reads it when it starts")
        for project, function, folders in self._functions:
            its = [path for path in paths if path not in self._read_at_start and _lies_in(path, folders)]
            if its:
                more = f" and {len(its) - 1} more" if len(its) > 1 else ""
                self._restart(project, function, f"{its[0]}{more} changed")

    def _restart(self, project: Project, function: Function, why: str) -> None:
        """Copy and build the function with the packages that it needs now, and run later events on it."""
        known = len(project.notes)
        try:
            made = project.renewed(function)
        except CommandError as error:
            self._say(f"postroom: {function.name} stays as it was, though {why}: {error}")
            return
        self._invocations.pool(function.name).renew(
            lambda now: replace(now, code=made.code, packages=made.packages, layers=made.layers)
        )
        self._say(f"postroom: {function.name} restarts with its next event: {why}")
        for note in dict.fromkeys(project.notes[known:]):
            if note not in project.notes[:known]:
                self._say(f"postroom: note: {note}")
        del project.notes[known:]


def _lies_in(path: str, folders: Iterable[str]) -> bool:
    return any(Path(path).is_relative_to(folder) for folder in folders)


def _is_seen_with(folder: str, other: str) -> bool:
    """Say whether a look at another folder sees this one as well."""
    if folder == other or not Path(folder).is_relative_to(other):
        return False
    between = Path(folder).relative_to(other).parts
    return not any(_PASSED_OVER.match(part) for part in between)
