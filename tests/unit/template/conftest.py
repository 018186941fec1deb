"""The template as data: intrinsics as ``{"Ref": …}`` and ``{"Fn::GetAtt": […]}``, and the text beside it."""

from pathlib import Path
from typing import Any, Final

import pytest
from cfnlint.decode import decode

from .transformed import SAM_PYTHON, transformed

ROOT: Final = Path(__file__).parents[3]
TEMPLATES: Final = ("template.yaml", "functions/starters/template.yaml")


class Template:
    """template.yaml, with methods for the parts that tests read."""

    def __init__(self, path: Path) -> None:
        self.lines = path.read_text().splitlines()
        decoded, problems = decode(str(path))
        assert not problems, problems
        self.body: dict[str, Any] = decoded
        self.resources: dict[str, Any] = self.body["Resources"]

    def of_type(self, kind: str) -> dict[str, Any]:
        """Return the resources of one type by logical id."""
        return {name: each for name, each in self.resources.items() if each["Type"] == kind}

    @property
    def functions(self) -> dict[str, Any]:
        """Return the properties of every function by logical id."""
        return {name: each["Properties"] for name, each in self.of_type("AWS::Serverless::Function").items()}

    def variables(self, function: str) -> dict[str, Any]:
        """Return a function's own environment variables, without those of Powertools and Lambda."""
        given = self.functions[function]["Environment"]["Variables"]
        return {name: value for name, value in given.items() if not name.startswith(("POWERTOOLS_", "AWS_LAMBDA_"))}

    def role_of(self, function: str) -> str:
        """Return the logical id of a function's role."""
        return str(self.functions[function]["Role"]["Fn::GetAtt"][0])

    def statements(self, function: str, effect: str = "Allow") -> list[Any]:
        """Return the statements of a function's role, which allow or deny."""
        role = self.resources[self.role_of(function)]["Properties"]
        assert "ManagedPolicyArns" not in role, "managed policies allow more than one function needs"
        statements = [each for policy in role["Policies"] for each in policy["PolicyDocument"]["Statement"]]
        return [each for each in statements if each["Effect"] == effect]

    def allowed(self, function: str, resource: str, action: str) -> bool:
        """Return whether a function may do ``action`` to the resource of that logical id; a Deny beats every Allow."""
        allowing, denying = (
            [
                each
                for statement in self.statements(function, effect)
                if action in listed(statement["Action"])
                for each in listed(statement["Resource"])
            ]
            for effect in ("Allow", "Deny")
        )
        return any(subject(each) == resource and each not in denying for each in allowing)


def listed(value: Any) -> list[Any]:
    """Return ``value`` as a list: policies say one thing as itself, many as a list."""
    return list(value) if isinstance(value, list) else [value]


def subject(value: Any) -> str:
    """Return the logical id that an intrinsic speaks of, or its text where it speaks of none."""
    match value:
        case {"Ref": name} | {"Fn::GetAtt": [name, *_]}:
            return str(name)
        case {"Fn::Sub": str(text)}:
            return text[2:].split(".")[0].split("}")[0] if text.startswith("${") else text
        case _:
            return str(value)


@pytest.fixture(scope="session")
def template() -> Template:
    return Template(ROOT / "template.yaml")


@pytest.fixture(scope="session")
def stacks() -> dict[str, dict[str, Any]]:
    """Every template that is deployed, as CloudFormation gets it once SAM has expanded it."""
    if not SAM_PYTHON.is_file():
        pytest.skip("the SAM CLI is not set up; scripts/test does")
    return {name: transformed(Template(ROOT / name).body) for name in TEMPLATES}


@pytest.fixture(params=TEMPLATES)
def stack_body(request: pytest.FixtureRequest, stacks: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return stacks[request.param]
