"""Customers' projects with the traits of published ones, unchanged, beside a running stack: one for all of them."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from local.errors import TemplateError
from local.functions.installs import Installs
from tests.support import published
from tests.support.running_stack import ROOT, RunningStack, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

ANN = "ann@traits.example"
PACKAGES = ROOT / ".postroom" / "test-packages"
"""Kept from one run to the next, as a checkout's own packages are."""


def why_no_node() -> str:
    """Return why functions in Node.js cannot run here; empty if they can."""
    if not (shutil.which("node") and shutil.which("npm")):
        return "needs node and npm"
    try:
        Installs(PACKAGES).sdk("the suite", [published.SDK])
    except TemplateError as error:
        return str(error)
    return ""


@pytest.fixture(scope="module")
def without_node() -> str:
    return why_no_node()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, without_node: str) -> Iterator[RunningStack]:
    """A stack with the projects, an organization of the fixed id, and a rule for each function, by the sender."""
    folder, home = tmp_path_factory.mktemp("projects"), tmp_path_factory.mktemp("running")
    names = [name for name in published.PROJECTS if not (without_node and name in published.IN_NODE)]
    env_vars = folder / "env.json"
    env_vars.write_text(json.dumps({"KnownHouse": {"WORKMAIL_ORGANIZATION_ID": published.ORGANIZATION}}))
    (home / ".postroom").mkdir()
    PACKAGES.mkdir(parents=True, exist_ok=True)
    (home / ".postroom" / "packages").symlink_to(PACKAGES)
    running = RunningStack(
        home,
        functions=[published.write(folder, name) for name in names],
        env_vars=env_vars,
        settings={"ses_headers": True, "organization_id": published.ORGANIZATION},
    )
    organization = running.organization("traits")
    assert organization == published.ORGANIZATION
    running.user(organization, "ann", ANN)
    for name in names:
        function = name.title().replace("-", "")
        settings = {"Synchronous": True, "FallbackAction": "BYPASS_SPAM_CHECK", "RuleTimeoutMinutes": 10}
        arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function}"
        running.client("workmail").create_inbound_mail_flow_rule(
            OrganizationId=organization,
            Name=name,
            SenderPatterns=[f"{name}@asks.example"],
            RecipientPatterns=["*"],
            Action={"Type": "RUN_LAMBDA", "Lambda": {"FunctionArn": arn, **settings}},
        )
    yield running
    running.stop()


def decided(running: RunningStack, project: str, subject: str, *, verdicts: str = "") -> str:
    """Send a message that a project's function decides about; return its facts."""
    number = f"{project}-{subject}".replace(" ", "-")
    fields = [
        f"From: <{project}@asks.example>",
        f"Subject: {subject}",
        f"Message-ID: <{number}@letters.example>",
        *([f"X-Local-SES-Verdicts: {verdicts}"] if verdicts else []),
    ]
    running.send("\r\n".join([*fields, "", f"Hello, {subject}.", ""]).encode(), ANN)

    def applied() -> list[dict[str, Any]]:
        done = running.command("trace", "--message-id", f"<{number}@letters.example>", "--json")
        facts = json.loads(done.stdout) if done.returncode == 0 else []
        return [fact["event"] for fact in facts if fact["name"] == "RULE_APPLIED"]

    (event,) = wait_for(applied, seconds=120)
    (action,) = event["ruleActions"]
    return str(action["action"])


@pytest.mark.parametrize("project", published.IN_NODE)
def test_functions_in_node_find_the_sdk_of_lambdas_runtime(
    running: RunningStack, without_node: str, project: str
) -> None:
    if without_node:
        pytest.skip(without_node)
    other = {"word-filter": "DROP", "sorter": "MOVE_TO_JUNK"}[project]
    assert decided(running, project, "wanted") == "DEFAULT"
    assert decided(running, project, "unwanted") == other


def test_parameters_have_the_values_that_sam_deploy_guided_wrote(running: RunningStack) -> None:
    assert decided(running, "blocklist", "one") == "DEFAULT"
    assert decided(running, "blocklist", "unwanted") == "BOUNCE"


def test_a_function_has_its_organizations_id_before_it_was_made_and_can_be_given_another(running: RunningStack) -> None:
    assert decided(running, "known-house", "traits") == "DEFAULT"
    functions = running.client("lambda")
    other = {
        "WORKMAIL_ORGANIZATION_ID": running.client("workmail").create_organization(Alias="other")["OrganizationId"]
    }
    functions.update_function_configuration(FunctionName="KnownHouse", Environment={"Variables": other})
    functions.get_waiter("function_updated_v2").wait(FunctionName="KnownHouse")
    assert other["WORKMAIL_ORGANIZATION_ID"] != published.ORGANIZATION
    assert decided(running, "known-house", "traits again") == "DROP"


def test_a_state_machine_runs_and_its_task_is_a_function_of_the_project(running: RunningStack) -> None:
    assert decided(running, "archive", "unwanted") == "DEFAULT"
    assert decided(running, "archive", "wanted") == "DEFAULT"
    rows = wait_for(lambda: running.client("dynamodb").scan(TableName="archive-Kept")["Items"], seconds=60)
    assert [row["subject"]["S"] for row in rows] == ["wanted"]
    machines = running.client("stepfunctions")
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:archive-Workflow"

    def states() -> list[str]:
        found = [one["status"] for one in machines.list_executions(stateMachineArn=arn)["executions"]]
        return [] if "RUNNING" in found else found

    assert wait_for(states) == ["SUCCEEDED", "SUCCEEDED"]


def test_a_function_reads_the_authentication_results_of_ses(running: RunningStack) -> None:
    assert decided(running, "verified", "one") == "DEFAULT"
    assert decided(running, "verified", "two", verdicts="dkim=FAIL") == "MOVE_TO_JUNK"
