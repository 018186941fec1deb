"""Runs kinds under the version that PYTHONPATH names first: prints samples, or what it cannot read of given ones.

python -m tests.upgrade.run_former write            prints samples
python -m tests.upgrade.run_former read OWN GIVEN   prints a line per kind of GIVEN that it reads otherwise than OWN
python -m tests.upgrade.run_former members          prints the members of records that the version reads strictly
"""

from __future__ import annotations

import sys
from pathlib import Path

from .former import KINDS
from .kinds import dump, load
from .records import members


def differences(own: str, given: str) -> list[str]:
    """Return a line per kind that is not read, or not as the version's own sample."""
    samples, found = load(own), []
    for name, sample in load(given).items():
        kind = KINDS[name]
        try:
            if kind.read(sample) != kind.read(samples[name]):
                found.append(f"{name}: reads otherwise")
        except Exception as error:  # noqa: BLE001 - whatever the version raises
            found.append(f"{name}: {type(error).__name__}: {error}")
    return found


if __name__ == "__main__":
    if sys.argv[1] == "write":
        sys.stdout.write(dump({name: kind.write() for name, kind in KINDS.items()}))
    elif sys.argv[1] == "members":
        sys.stdout.write(dump(members()))
    else:
        own, given = (Path(argument).read_text() for argument in sys.argv[2:])
        sys.stdout.write("".join(line + "\n" for line in differences(own, given)))
