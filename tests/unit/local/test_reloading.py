"""An edit of a customer's function is live with its next event: real files, real worker processes."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, cast

import pytest

from local.customers.reloading import Reloading, look
from local.errors import TemplateError
from local.functions.function import Function
from tests.support.local_lambda import LocalLambda
from tests.support.running_stack import wait_for

from .conftest import deploy, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local.aws import Aws
    from local.template.project import Project

CODE = "import os\nfrom helper import say\ndef handler(event, context): return [say(), os.getpid()]\n"
WAITING = (
    "import os, time\n"
    "def handler(event, context):\n"
    "    open(event['began'], 'w').close()\n"
    "    while not os.path.exists(event['go on']): time.sleep(0.01)\n"
    "    return 'old'\n"
)


class Customer(LocalLambda):
    """A project of two functions, each with a layer of its own, and what was said of reloads."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.said: list[str] = []
        self.project = _Project(home)
        super().__init__(home / "state", self.project.functions)
        self.reloading = Reloading([cast("Project", self.project)], self.invocations, self.said.append)

    def edit(self, name: str, text: str) -> None:
        (self.home / name).write_text(text)

    def reload(self) -> None:
        self.reloading.act(self.reloading.look_again())

    def answer(self, name: str = "first") -> Any:
        return self.invoke({}, name)[0]

    def close(self) -> None:
        self.reloading.close()
        super().close()


class _Project:
    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "template.yaml"
        self.path.write_text("Resources: {}\n")
        self.functions: list[Function] = []
        self.sources: dict[str, set[Path]] = {}
        self.notes: list[str] = ["known"]
        self.fails = ""
        for name in ("first", "second"):
            code, layer = folder / name, folder / f"layer-{name}"
            (layer / "python").mkdir(parents=True)
            (layer / "python" / "helper.py").write_text("def say(): return 1\n")
            code.mkdir()
            (code / "app.py").write_text(CODE)
            self.sources[f"{name.title()}Function"] = {code, layer}
            self.functions.append(
                Function(
                    name,
                    f"{name.title()}Function",
                    "app.handler",
                    code,
                    "python3.13",
                    layers=(layer,),
                    exports={"EXPORTED": "x"},
                    timeout_s=60,
                    log_group="g",
                )
            )

    def renewed(self, function: Function) -> Function:
        if self.fails:
            raise TemplateError(self.fails)
        self.notes += ["known", "new"]
        return function


@pytest.fixture
def customer(tmp_path: Path) -> Iterator[Customer]:
    made = Customer(tmp_path / "project")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def project_folder(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()


def test_a_changed_file_restarts_its_function_alone(customer: Customer) -> None:
    first, second = customer.answer("first"), customer.answer("second")
    customer.edit("first/app.py", CODE.replace("say()", "'edited'"))
    customer.reload()
    assert customer.answer("first")[0] == "edited"
    assert customer.answer("second") == second
    assert customer.answer("first")[1] != first[1]
    assert customer.said == [
        f"postroom: first restarts with its next event: {customer.home / 'first' / 'app.py'} changed",
        "postroom: note: new",
    ]


def test_a_second_edit_of_the_same_second_and_size_is_seen(customer: Customer) -> None:
    path = customer.home / "layer-first" / "python" / "helper.py"
    for number in range(1, 5):
        path.write_text(f"def say(): return {number}\n")
        os.utime(path, ns=(10**18 + number, 10**18 + number))  # what a compiled copy knows is the same each time
        customer.reload()
        assert customer.answer()[0] == number


def test_a_file_of_a_layer_counts_and_so_do_new_and_removed_files(customer: Customer) -> None:
    customer.answer()
    customer.edit("layer-first/python/helper.py", "def say(): return 22\n")
    customer.reload()
    assert customer.answer()[0] == 22
    customer.edit("first/helper.py", "def say(): return 'in front of the layer'\n")
    customer.reload()
    assert customer.answer()[0] == "in front of the layer"
    (customer.home / "first" / "helper.py").unlink()
    customer.reload()
    assert customer.answer()[0] == 22


def test_a_save_that_renames_a_file_into_place_counts_once(customer: Customer) -> None:
    customer.answer()
    customer.edit("first/app.py~", CODE.replace("say()", "'saved'"))
    customer.edit("first/.app.py.swp", "vim's")
    customer.edit("first/4913", "")
    customer.reload()
    assert customer.said == []
    (customer.home / "first" / "app.py~").rename(customer.home / "first" / "app.py")
    customer.reload()
    assert customer.answer()[0] == "saved"
    assert len([line for line in customer.said if "restarts" in line]) == 1


def test_several_files_are_one_restart(customer: Customer) -> None:
    for name in ("a", "b", "app"):
        customer.edit(f"first/{name}.py", CODE)
    customer.reload()
    assert customer.said[:-1] == [
        f"postroom: first restarts with its next event: {customer.home / 'first' / 'a.py'} and 2 more changed"
    ]


def test_code_that_does_not_import_fails_as_on_lambda_and_the_next_edit_heals_it(customer: Customer) -> None:
    customer.answer()
    customer.edit("first/app.py", "def handler(event, context:\n")
    customer.reload()
    payload, answer = customer.invoke({}, "first")
    assert answer["FunctionError"] == "Unhandled"
    assert payload["errorType"] == "Runtime.UserCodeSyntaxError"
    customer.edit("first/app.py", CODE)
    customer.reload()
    assert customer.answer()[0] == 1


def test_an_event_under_way_ends_on_the_code_it_began_on(customer: Customer) -> None:
    customer.edit("first/app.py", WAITING)
    customer.reload()
    began, go_on = customer.home / "began", customer.home / "go on"
    answers: list[Any] = []
    event = {"began": str(began), "go on": str(go_on)}
    thread = threading.Thread(target=lambda: answers.append(customer.invoke(event, "first")))
    thread.start()
    wait_for(began.exists)
    customer.edit("first/app.py", CODE)
    customer.reload()
    assert customer.answer()[0] == 1  # beside it, on the new code
    go_on.touch()
    thread.join()
    assert answers[0][0] == "old"
    assert customer.answer()[0] == 1
    wait_for(lambda: customer.written("first").count("REPORT RequestId") == 3)
    assert customer.written("first").count("START RequestId") == 3  # nothing was run twice


def test_a_file_that_is_not_code_restarts_nothing(customer: Customer) -> None:
    for name in (
        ".git/index",
        "node_modules/a/index.js",
        "__pycache__/app.pyc",
        ".aws-sam/build/app.py",
        ".app.py.swp",
    ):
        path = customer.home / "first" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    customer.reload()
    assert customer.said == []


def test_a_change_of_a_file_that_is_read_at_the_start_is_reported(customer: Customer) -> None:
    customer.edit("template.yaml", "Resources: {Other: {}}\n")
    customer.edit("samconfig.toml", "version = 0.1\n")
    customer.reload()
    assert [line.removeprefix(f"postroom: {customer.home}/") for line in customer.said] == [
        "samconfig.toml changed; `postroom up` reads it when it starts",
        "template.yaml changed; `postroom up` reads it when it starts",
    ]


def test_a_layer_that_cannot_be_built_leaves_the_function_as_it_was(customer: Customer) -> None:
    before = customer.answer()
    customer.project.fails = "npm: no such package"
    customer.edit("first/app.py", CODE.replace("say()", "'not yet'"))
    customer.reload()
    assert customer.answer() == before
    assert customer.said == [
        f"postroom: first stays as it was, though {customer.home / 'first' / 'app.py'} changed: npm: no such package"
    ]


def test_a_folder_that_goes_and_comes_back_is_seen(customer: Customer) -> None:
    (customer.home / "first").rename(customer.home / "away")
    customer.reload()
    (customer.home / "away").rename(customer.home / "first")
    customer.edit("first/app.py", CODE.replace("say()", "'back'"))
    customer.reload()
    assert customer.answer()[0] == "back"


def test_the_thread_does_all_this_by_itself(customer: Customer) -> None:
    assert customer.answer()[0] == 1
    customer.reloading.start()
    customer.edit("first/app.py", CODE.replace("say()", "'by itself'"))
    wait_for(lambda: customer.answer()[0] == "by itself")
    assert len([line for line in customer.said if "restarts" in line]) == 1


def test_nothing_is_seen_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    assert look(str(tmp_path / "nothing")) == {}
    assert look(str(tmp_path)) == {}


BUILT = """
Resources:
  One:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.13, Handler: app.handler, CodeUri: src, Layers: [!Ref Words]}
  Words:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: words}
    Metadata: {BuildMethod: python3.13}
"""


def test_a_layer_that_is_built_is_built_anew(aws: Aws, tmp_path: Path) -> None:
    folder = write(tmp_path / "built", BUILT)
    for name in ("src/app.py", "words/words.py"):
        (folder / name).parent.mkdir()
        (folder / name).write_text("SAID = 1\n")
    (project,) = deploy(aws, tmp_path, folder)
    (function,) = project.functions
    assert project.sources == {"One": {folder / "src", folder / "words"}}
    (folder / "words" / "words.py").write_text("SAID = 2\n")
    (layer,) = project.renewed(function).layers
    assert (layer / "python" / "words.py").read_text() == "SAID = 2\n"
    assert layer != function.layers[0]
    assert project.renewed(function).code == folder / "src"
