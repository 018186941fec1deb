"""Derive the admin contract and the client's data from the installed botocore and our own operations, and time zones.

Nine things come out, all of them committed, so that a change of botocore shows as a change of ours:

- ``contracts/admin/models/shapes.py``: names, types and constraints as one literal (a few milliseconds to import,
  against hundreds for ninety pydantic models), read by ``contracts/admin/validation.py``;
- ``contracts/admin/models/secrets.py``: the members that the API trail leaves out (``contracts.secret_members``);
- ``contracts/admin/models/{requests,answers}.py``: the same as TypedDicts, for mypy alone;
- ``layers/workmail_client/botocore``: both services' models without documentation, for the day botocore drops them, and
  sdk-extras, which teach stock clients the signing name and the operations of ``contracts.extra_operations``;
- ``schemas/rule-lambda-*.schema.json``: a rule function's event and answer, from ``contracts/rule_lambda.py``;
- ``schemas/cap-*.schema.json``: the same of an availability provider's function, from ``contracts/cap_lambda.py``;
- ``schemas/audit-*.schema.json``: the five kinds of audit records, from ``contracts/audit_log.py``;
- ``schemas/export-manifest.schema.json``: a line of an export's manifest, from ``contracts/export_manifest.py``;
- ``contracts/ews/windows_zones.json``: the time zones of GetServerTimeZones, from tzdata and CLDR.

``python -m contracts.generate`` writes them, ``--check`` exits 1 if one is out of step. ``shapes.py`` holds inputs
only: answers are checked where they are written, by mypy, and by botocore in the tests.
"""

from __future__ import annotations

import gzip
import json
import pprint
import sys
from pathlib import Path
from typing import Any, Final

import botocore

from contracts import audit_schemas, extra_operations, secret_members, windows_zones
from postroom.contracts import cap_lambda, export_manifest
from postroom.contracts.rule_lambda import RuleAnswer, RuleEvent

ROOT: Final = Path(__file__).resolve().parents[2]
MODELS: Final = ROOT / "layers/postroom/python/postroom/contracts/admin/models"
ZONES: Final = ROOT / "layers/postroom/python/postroom/contracts/ews/windows_zones.json"
CLIENT: Final = ROOT / "layers/workmail_client/botocore"
BOTOCORE: Final = Path(botocore.__file__).parent / "data"
SERVICES: Final = {"workmail": "2017-10-01", "workmailmessageflow": "2019-05-01"}
CONSTRAINTS: Final = ("min", "max", "pattern", "enum", "sensitive")
PYTHON: Final = {
    "string": "str",
    "integer": "int",
    "long": "int",
    "double": "float",
    "blob": "bytes",
    "boolean": "bool",
    "timestamp": "float",
}

Model = dict[str, Any]


def load(service: str) -> Model:
    """Return botocore's own model of a service, with its documentation, whatever AWS_DATA_PATH says."""
    folder = BOTOCORE / service / SERVICES[service]
    with gzip.open(folder / "service-2.json.gz", "rt", encoding="utf-8") as file:
        model: Model = json.load(file)
    return model


def with_ours(model: Model) -> Model:
    """Return a copy of WorkMail's model with our operations beside its own.

    Raises:
        ValueError: botocore's model has one of our names by now.
    """
    merged = dict(model)
    for kind, ours in extra_operations.model().items():
        if taken := model[kind].keys() & ours.keys():
            raise ValueError(f"botocore has these {kind} itself by now: {', '.join(sorted(taken))}")
        merged[kind] = model[kind] | ours
    return merged


def without_documentation(value: Any, *, in_members: bool = False) -> Any:
    """Return a copy without ``documentation`` keys; a member of that name would be kept."""
    if isinstance(value, dict):
        return {
            key: without_documentation(inner, in_members=key in {"members", "shapes", "operations"})
            for key, inner in value.items()
            if in_members or key != "documentation"
        }
    if isinstance(value, list):
        return [without_documentation(inner) for inner in value]
    return value


def reachable(model: Model, roots: list[str]) -> list[str]:
    """Return the names of all shapes that can be reached from some, sorted."""
    seen: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            shape = model["shapes"][name]
            waiting += [member["shape"] for member in shape.get("members", {}).values()]
            waiting += [shape["member"]["shape"]] if "member" in shape else []
    return sorted(seen)


def compact(shape: Model) -> Model:
    """Return what validation needs of a shape."""
    kept: Model = {"type": shape["type"]} | {key: shape[key] for key in CONSTRAINTS if key in shape}
    if shape["type"] == "structure":
        kept["required"] = tuple(shape.get("required", ()))
        kept["members"] = {name: member["shape"] for name, member in shape["members"].items()}
    if shape["type"] == "list":
        kept["member"] = shape["member"]["shape"]
    return kept


HEADER: Final = '''"""{title}

Generated by scripts/generate-contracts from botocore's workmail/2017-10-01 and scripts/contracts/extra_operations.py;
do not edit.
"""

'''


def shapes_module(model: Model) -> str:
    """Return the text of ``shapes.py``."""
    operations = {
        name: {
            "input": operation["input"]["shape"],
            "errors": tuple(sorted(error["shape"] for error in operation.get("errors", ()))),
        }
        for name, operation in sorted(model["operations"].items())
    }
    inputs = [operation["input"]["shape"] for operation in model["operations"].values()]
    shapes = {name: compact(model["shapes"][name]) for name in reachable(model, inputs)}
    title = "Operations of the WorkMail API and the shapes of their inputs."
    return (
        HEADER.format(title=title)
        + "from typing import Any, Final\n\n"
        + f"TARGET_PREFIX: Final = {model['metadata']['targetPrefix']!r}\n\n"
        + f"OPERATIONS: Final[dict[str, dict[str, Any]]] = {pprint.pformat(operations, width=118)}\n\n"
        + f"SHAPES: Final[dict[str, dict[str, Any]]] = {pprint.pformat(shapes, width=118)}\n"
    )


def secrets_module(model: Model) -> str:
    """Return the text of ``secrets.py``."""
    text = HEADER.format(title="Paths of secret members, by operation; lists on the way add nothing to a path.")
    text += "from typing import Final\n"
    for name, side in (("REQUESTS", "input"), ("ANSWERS", "output")):
        table = pprint.pformat(secret_members.paths(model, side), width=118)
        text += f"\n{name}: Final[dict[str, tuple[tuple[str, ...], ...]]] = {table}\n"
    return text


def annotation(model: Model, name: str) -> str:
    """Return the Python type of a shape as TypedDicts write it."""
    shape = model["shapes"][name]
    if shape["type"] == "structure":
        return name
    if shape["type"] == "list":
        return f"Sequence[{annotation(model, shape['member']['shape'])}]"
    if "enum" in shape:
        return f"Literal[{', '.join(repr(value) for value in shape['enum'])}]"
    return PYTHON[shape["type"]]


def typed_module(model: Model, side: str, title: str) -> str:
    """Return the text of ``requests.py`` (``side`` input) or ``answers.py`` (output)."""
    roots = [operation[side]["shape"] for operation in model["operations"].values() if side in operation]
    lines = [
        HEADER.format(title=title),
        "from __future__ import annotations\n\n",
        "from collections.abc import Sequence\n",
        "from typing import Literal, NotRequired, TypedDict\n",
    ]
    for name in reachable(model, roots):
        shape = model["shapes"][name]
        if shape["type"] != "structure":
            continue
        lines.append(f"\n\nclass {name}(TypedDict):\n")
        whose = "our" if name in extra_operations.SHAPES else "botocore's"
        lines.append(f'    """Members of {whose} ``{name}``."""\n\n')
        required = set(shape.get("required", ()))
        for member, target in shape["members"].items():
            kind = annotation(model, target["shape"])
            lines.append(f"    {member}: {kind if member in required else f'NotRequired[{kind}]'}\n")
    return "".join(lines).replace("\n\n\n\n", "\n\n\n")


def extras(**merged: Any) -> str:
    """Return sdk-extras: what botocore merges into its own model of the same name."""
    return json.dumps({"version": 1.0, "merge": merged}, indent=2) + "\n"


def service_extras(service: str) -> str:
    """Return the sdk-extras that make a stock client sign for API Gateway, and teach it our operations."""
    ours = extra_operations.model() if service == "workmail" else {}
    return extras(metadata={"signingName": "execute-api"}, **ours)


def schemas() -> dict[Path, str]:
    """Return the published JSON Schemas of what we write for others, and of what they may answer."""
    published = {
        "rule-lambda-event": RuleEvent.model_json_schema(by_alias=True, mode="serialization"),
        "rule-lambda-answer": RuleAnswer.model_json_schema(by_alias=True, mode="validation"),
        "cap-request": cap_lambda.REQUEST_SCHEMA,
        "cap-answer": cap_lambda.ANSWER_SCHEMA,
        "export-manifest": export_manifest.line_schema(),
        **{name: audit_schemas.schema(log_type) for log_type, name in audit_schemas.FILES.items()},
    }
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {
        ROOT / "schemas" / f"{name}.schema.json": json.dumps(dialect | schema, indent=2, ensure_ascii=False) + "\n"
        for name, schema in published.items()
    }


def artefacts() -> dict[Path, str]:
    """Return every derived file with the text it should have."""
    workmail = with_ours(load("workmail"))
    files = {
        MODELS / "__init__.py": '"""Generated: see scripts/generate-contracts."""\n',
        MODELS / "shapes.py": shapes_module(workmail),
        MODELS / "secrets.py": secrets_module(workmail),
        MODELS / "requests.py": typed_module(workmail, "input", "Inputs of the WorkMail API, for type checkers."),
        MODELS / "answers.py": typed_module(workmail, "output", "Outputs of the WorkMail API, for type checkers."),
    }
    files |= schemas() | {ZONES: windows_zones.text()}
    for service, version in SERVICES.items():
        folder = CLIENT / service / version
        model = without_documentation(load(service))
        files[folder / "service-2.json"] = json.dumps(model, indent=1, sort_keys=True) + "\n"
        files[folder / "service-2.sdk-extras.json"] = service_extras(service)
        for name in ("paginators-1.json",):
            source = BOTOCORE / service / version / name
            files[folder / name] = json.dumps(json.loads(source.read_text("utf-8")), indent=1, sort_keys=True) + "\n"
        rules = BOTOCORE / service / version / "endpoint-rule-set-1.json.gz"
        with gzip.open(rules, "rt", encoding="utf-8") as file:
            files[folder / "endpoint-rule-set-1.json"] = json.dumps(json.load(file), indent=1, sort_keys=True) + "\n"
    ours = CLIENT / "workmail" / SERVICES["workmail"] / "paginators-1.sdk-extras.json"
    files[ours] = extras(pagination=extra_operations.PAGINATORS)
    return files


def main(arguments: list[str]) -> int:
    """Write or check; return the exit status."""
    wanted = artefacts()
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text("utf-8") != text]
    if "--check" in arguments:
        for path in stale:
            print(f"out of step: {path.relative_to(ROOT)} (run scripts/generate-contracts)", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
