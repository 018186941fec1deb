"""The collector waits while a function starts, and no longer."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

PRINTS: Final = """
import gc
usual = gc.get_threshold()
from postroom import bootstrap

@bootstrap.ready
def build():
    print(gc.get_threshold()[0] == bootstrap.STARTING)
    {ends}

try:
    build()
except ZeroDivisionError:
    pass
print(gc.get_threshold() == usual, gc.get_freeze_count() > 0)
frozen = gc.get_freeze_count()
kept = [[] for _ in range(1000)]
bootstrap.ready(lambda: None)()
print(gc.get_freeze_count() <= frozen)
"""


def said(ends: str) -> list[str]:
    command = [sys.executable, "-c", PRINTS.format(ends=ends)]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.split()


def test_a_function_that_is_built_collects_as_usual() -> None:
    assert said("pass") == ["True", "True", "True", "True"]


def test_a_function_that_could_not_be_built_collects_as_usual() -> None:
    assert said("1 / 0") == ["True", "True", "True", "True"]
