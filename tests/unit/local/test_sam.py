"""What functions get in a container: `sam local invoke` with the file that `up` writes."""

from pathlib import Path
from typing import Final

from local import sam
from local.template.reading import load

ROOT: Final = Path(__file__).parents[3]
EXPORTED: Final = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
    "AWS_ENDPOINT_URL_LAMBDA": "http://127.0.0.1:4567",
    "AWS_DATA_PATH": "/here/botocore",
    "POSTROOM_SMTP": "127.0.0.1:2525",
}


def test_each_service_with_an_address_of_its_own_has_a_variable_that_the_template_has() -> None:
    body = load(ROOT / "template.yaml")
    in_template = body["Globals"]["Function"]["Environment"]["Variables"]
    assert {name for name in in_template if name.startswith("AWS_ENDPOINT_URL_")} == set(sam.ENDPOINTS)


def test_a_service_without_one_is_where_the_emulator_is() -> None:
    made = sam.variables(EXPORTED, {}, "127.0.0.1")
    assert made["AWS_ENDPOINT_URL_LAMBDA"] == "http://host.docker.internal:4567"
    assert {made[name] for name in sam.ENDPOINTS if name != "AWS_ENDPOINT_URL_LAMBDA"} == {
        "http://host.docker.internal:4566"
    }


def test_urls_lead_to_this_machine_by_whatever_name_they_have() -> None:
    exported = {"AWS_ENDPOINT_URL": "http://localhost:4566", "AWS_ENDPOINT_URL_SES": "http://10.0.0.7:4570"}
    made = sam.variables(
        exported, {"QUEUE_URL": "http://localhost:4566/1/q", "OTHER": "https://a.example:443/"}, "10.0.0.7"
    )
    assert made["AWS_ENDPOINT_URL"] == "http://host.docker.internal:4566"
    assert made["AWS_ENDPOINT_URL_SES"] == "http://host.docker.internal:4570"
    assert made["QUEUE_URL"] == "http://host.docker.internal:4566/1/q"
    assert made["OTHER"] == "https://a.example:443/"


def test_a_functions_own_variables_win_and_folders_of_this_machine_are_left_out() -> None:
    made = sam.variables(EXPORTED, {"AWS_ENDPOINT_URL_LAMBDA": "http://other:1"}, "127.0.0.1")
    assert made["AWS_ENDPOINT_URL_LAMBDA"] == "http://other:1"
    assert not made.keys() & {"AWS_DATA_PATH", "POSTROOM_SMTP"}
