"""Writes samples of kinds that are new; those that are there stay as they are: python -m tests.upgrade.write_later."""

from __future__ import annotations

from .kinds import dump
from .later import KINDS, SAMPLES, samples

if __name__ == "__main__":
    there = samples()
    SAMPLES.write_text(dump({name: there.get(name) or kind.write() for name, kind in KINDS.items()}))
