"""Files that must be in step with each other, and words that must not be in any."""

import re
import subprocess
import tomllib
from typing import Final

from .conftest import ROOT, Template

MACHINE_PATH: Final = re.compile(r"(?<![\w.$}>-])/(?:root|home/\w+|Users/\w+|work)/\w")
INDEX: Final = re.compile(
    r"--(?:extra-)?index-url|--find-links|file:///|://[^\s/]*\b(?:pypi|artifactory|nexus|mirror)\."
)
PINNED: Final = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE)


def tracked_texts() -> dict[str, str]:
    """Return the text of every tracked file that is text."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    texts = {}
    for name in filter(None, listing.split("\0")):
        path = ROOT / name
        content = path.read_bytes() if path.is_file() else b""
        if b"\0" not in content:
            texts[name] = content.decode(errors="replace")
    return texts


def test_no_tracked_file_names_a_path_of_some_machine() -> None:
    found = {
        f"{name}: {match[0]}"
        for name, text in tracked_texts().items()
        for match in MACHINE_PATH.finditer(text)
        if not name.startswith("tests/unit/template/")
    }
    assert not found


def test_no_tracked_file_names_a_package_index() -> None:
    found = {
        f"{name}: {match[0]}"
        for name, text in tracked_texts().items()
        for match in INDEX.finditer(text)
        if not name.startswith("tests/unit/template/")
    }
    assert not found


def test_batch_requests_are_made_where_what_is_left_unprocessed_is_requested_again() -> None:
    batches = re.compile(r"\.batch_(?:get|write)_item\(")
    found = {name for name, text in tracked_texts().items() if name.startswith("layers/") and batches.search(text)}
    assert found == {"layers/postroom/python/postroom/adapters/aws/unprocessed.py"}


def test_functions_run_on_the_versions_that_are_tested() -> None:
    tested = dict(PINNED.findall((ROOT / "requirements.lock").read_text()))
    deployed = dict(PINNED.findall((ROOT / "layers/dependencies/requirements.txt").read_text()))
    assert len(deployed) > 10
    assert deployed.items() <= tested.items()


def test_the_dependencies_of_the_package_are_locked_for_both() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [name for extra in project["optional-dependencies"].values() for name in extra]
    for lock, wanted in (
        ("layers/dependencies/requirements.txt", project["dependencies"]),
        ("requirements.lock", [*project["dependencies"], *extras]),
    ):
        locked = {name.lower() for name, _ in PINNED.findall((ROOT / lock).read_text())}
        names = {re.split(r"[\[<>=~ ]", each)[0].lower() for each in wanted}
        assert names <= locked, lock


def test_samconfig_gives_parameters_that_exist_values_they_take(template: Template) -> None:
    parameters = template.body["Parameters"]
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    environments = {name: each for name, each in config.items() if isinstance(each, dict)}
    assert set(environments) == {"default", "local", "dev", "prod"}
    given = [
        override.split("=", 1)
        for environment in environments.values()
        for command in environment.values()
        for override in command["parameters"].get("parameter_overrides", [])
    ]
    assert given
    for name, value in given:
        allowed = [str(each) for each in parameters[name].get("AllowedValues", [value])]
        assert value in allowed, name


def test_only_the_local_stack_activates_a_rule_set_by_itself() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    activating = {name for name, environment in config.items() if "ActivateReceiptRuleSet=true" in str(environment)}
    assert activating == {"local"}
