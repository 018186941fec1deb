"""The outputs: what the command line knows of a stack."""

from typing import TYPE_CHECKING, Any

from cli import stack_outputs
from postroom.bootstrap import calendar_parts, operator
from postroom.bootstrap.settings import Settings

if TYPE_CHECKING:
    from .conftest import Template

LOCAL_ONLY = set(stack_outputs.LOCAL_SETTINGS)


def values(template: "Template", variable: str) -> list[Any]:
    """Return what each function that has a variable gets for it."""
    given = map(template.variables, template.functions)
    return [variables[variable] for variables in given if variable in variables]


def test_every_setting_of_the_operators_tools_is_an_output() -> None:
    modules = (operator, calendar_parts)
    classes = {each for module in modules for each in vars(module).values() if isinstance(each, type)}
    read = {name: tool.__name__ for tool in classes if issubclass(tool, Settings) for name in tool.variables()}
    assert {name: tool for name, tool in read.items() if name not in stack_outputs.SETTINGS.keys() | LOCAL_ONLY} == {}


def test_an_output_has_the_value_that_functions_get_as_a_variable(template: "Template") -> None:
    outputs = {name: each["Value"] for name, each in template.body["Outputs"].items()}
    said = {setting: outputs[output] for setting, output in stack_outputs.SETTINGS.items()}
    assert {setting for setting in said if values(template, setting) == []} == {"FEEDBACK_QUEUE_URL"}, "a topic sends"
    assert {
        setting: value for setting, value in said.items() for own in values(template, setting) if own != value
    } == {}


def test_every_function_is_an_output_under_its_condition(template: "Template") -> None:
    outputs = {name: dict(each) for name, each in template.body["Outputs"].items()}
    functions = template.of_type("AWS::Serverless::Function")
    assert functions
    wanted = {
        stack_outputs.function_output(logical_id): {
            "Value": {"Ref": logical_id},
            **({"Condition": each["Condition"]} if "Condition" in each else {}),
        }
        for logical_id, each in functions.items()
    }
    assert {name: outputs.get(name) for name in wanted} == wanted


def test_a_function_is_found_by_its_folder(template: "Template") -> None:
    found = {stack_outputs.logical_id(str(each["CodeUri"]).split("/")[1]) for each in template.functions.values()}
    assert found == set(template.functions)


def test_outputs_that_only_a_local_stack_has_are_not_in_the_template(template: "Template") -> None:
    assert not template.body["Outputs"].keys() & set(stack_outputs.LOCAL_SETTINGS.values())
