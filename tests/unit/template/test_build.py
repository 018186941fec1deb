"""The output of `sam build` fits Lambda. Runs after it: scripts/test builds first."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
from cfnlint.decode import decode

from .conftest import ROOT

BUILD: Final = ROOT / ".aws-sam/build"
MB: Final = 1024 * 1024
MAX_UNZIPPED: Final = 250 * MB
"""Largest function with its layers, unzipped. Source: Lambda quotas."""

pytestmark = pytest.mark.skipif(not (BUILD / "template.yaml").is_file(), reason="nothing is built; scripts/test builds")


@pytest.fixture(scope="module")
def built() -> Any:
    body, problems = decode(str(BUILD / "template.yaml"))
    assert not problems
    return body["Resources"]


def folder(built: Any, resource: str) -> Path:
    properties = built[resource]["Properties"]
    return (BUILD / str(properties.get("ContentUri", properties.get("CodeUri")))).resolve()


def size(path: Path) -> int:
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())


def test_the_package_is_where_python_looks_for_it(built: Any) -> None:
    assert (folder(built, "PostroomLayer") / "python/postroom/__init__.py").is_file()


def test_a_function_with_its_layers_is_small_enough(built: Any) -> None:
    layers = size(folder(built, "PostroomLayer")) + size(folder(built, "DependenciesLayer"))
    assert layers < MAX_UNZIPPED - 10 * MB


def test_the_layer_has_the_packages_of_the_lock_file(built: Any) -> None:
    site = folder(built, "DependenciesLayer") / "python"
    there = {path.name.removesuffix(".dist-info").lower().replace("_", "-") for path in site.glob("*.dist-info")}
    locked = re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "layers/dependencies/requirements.txt").read_text(), re.MULTILINE)
    assert {f"{name}-{version}".lower().replace("_", "-") for name, version in locked} == there


def test_compiled_parts_are_for_the_python_and_the_processor_of_lambda(built: Any) -> None:
    site = folder(built, "DependenciesLayer") / "python"
    compiled = [path.name for path in site.rglob("*.so")]
    assert compiled
    assert [name for name in compiled if "cpython" in name and "cpython-313-x86_64" not in name] == []


def test_botocore_keeps_the_model_of_every_service_that_is_called(built: Any) -> None:
    models = folder(built, "DependenciesLayer") / "python/botocore/data"
    clients = (ROOT / "layers/postroom/python/postroom/adapters/aws/clients.py").read_text()
    called = set(re.findall(r"_made\(\s*\"([a-z0-9-]+)\"", clients))
    assert called >= {"dynamodb", "s3", "sqs", "kms"}
    assert called <= {path.name for path in models.iterdir()}
