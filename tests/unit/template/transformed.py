"""SAM's transform of a template, without a network."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

SAM_PYTHON: Final = Path(__file__).parents[3] / ".venv-sam/bin/python"
TRANSFORM: Final = """
import json, sys
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
body = json.load(sys.stdin)
parameters = {name: each.get("Default", "given") for name, each in body["Parameters"].items()}
json.dump(Translator({}, Parser()).translate(sam_template=body, parameter_values=parameters), sys.stdout)
"""
CODE: Final = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}


def transformed(body: dict[str, Any]) -> dict[str, Any]:
    """Return the whole template after the transform; code is in S3, where `sam package` puts it."""
    resources = {
        name: {**each, "Properties": {**each["Properties"], CODE[each["Type"]]: "s3://bucket/key"}}
        if each["Type"] in CODE
        else each
        for name, each in body["Resources"].items()
    }
    done = subprocess.run(
        [str(SAM_PYTHON), "-c", TRANSFORM],
        input=json.dumps({**body, "Resources": resources}),
        env={**os.environ, "AWS_DEFAULT_REGION": "us-east-1"},
        check=True,
        capture_output=True,
        text=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result
