"""The starter functions are no part of the installed packages: they are found from the repository root, added last."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3]))
