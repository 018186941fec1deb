"""Every function's code, with the layers as they are built, starts on Lambda's Python."""

import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.support.settings import examples, settings_of

ROOT: Final = Path(__file__).parents[2]
IMAGE: Final = "public.ecr.aws/lambda/python:3.13-x86_64"
FUNCTIONS: Final = sorted(path.parent for path in (ROOT / "functions").glob("*/app.py"))
START: Final = "import app; print(app.handler.__module__)"
"""Starts a function: nothing is called, clients are only made."""

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]


@pytest.mark.parametrize("folder", FUNCTIONS, ids=[path.name for path in FUNCTIONS])
def test_a_function_starts(folder: Path) -> None:
    mounts = {
        folder: "/var/task",
        ROOT / "layers/postroom/python": "/opt/postroom",
        ROOT / ".aws-sam/build/DependenciesLayer/python": "/opt/dependencies",
    }
    volumes = [part for here, there in mounts.items() for part in ("--volume", f"{here}:{there}:ro")]
    environment = {
        "PYTHONPATH": "/var/task:/opt/postroom:/opt/dependencies",
        "AWS_DEFAULT_REGION": "us-east-1",
        **examples(settings_of(folder.name)),
    }
    variables = [part for name, value in environment.items() for part in ("--env", f"{name}={value}")]
    command = ["docker", "run", "--rm", "--network", "none", "--entrypoint", "python3.13", *variables, *volumes, IMAGE]
    done = subprocess.run([*command, "-c", START], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "app"
