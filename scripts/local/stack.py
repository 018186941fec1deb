"""`postroom up`: start everything, say where it is, stop everything.

Order of starting: first what can be refused (another `up`, ports, the template), then the emulator, the deployment, the
Lambda service and workers, what polls, and at last the listeners for the API and SMTP. Stopping is the reverse order.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import shutil
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

from cli.errors import UsageError
from local import sam
from local.api.callers import Callers
from local.api.routes import Api, routes_of
from local.aws import Aws
from local.customers.projects import Customers, deploy_permissions, refuse_same_names
from local.customers.reloading import Reloading
from local.emulator.process import LocalStack, MotoProcess, refuse_leftovers, tell_localstack, tell_moto
from local.functions.invocations import Invocations
from local.functions.logs import FunctionLogs
from local.functions.runtimes import runtime
from local.functions.service import LambdaService
from local.mail import outbox
from local.mail.certificate import certificate_for
from local.mail.listener import listening
from local.mail.services import Service
from local.mail.ses_receiving import SesReceiving
from local.mail.smtp import SmtpServer
from local.mail.submission_process import SETTINGS_OF, SubmissionProcess
from local.settings import CREDENTIALS, REGION, UpSettings, endpoint_variables
from local.sources.mappings import sources
from local.template import outputs
from local.template.custom_resources import CustomResources
from local.template.project import Project
from local.web import Response, WebServer

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from local.functions.function import Function
    from local.template.project import EventSource
    from local.web import Request

_CHECK_SECONDS: Final = 0.5
"""How often `up` checks that the emulator still runs."""


class Stack:
    """A running local stack; `close` (or leaving a `with`) stops it."""

    def __init__(self, settings: UpSettings) -> None:
        """Start everything.

        Raises:
            UsageError: it cannot be started as asked; nothing is left behind.
        """
        self._settings = settings
        self._undo = contextlib.ExitStack()
        self.environment: dict[str, str] = {}
        self._endpoints: dict[str, str] = {}
        self._submission: SubmissionProcess | None = None
        try:
            self._start()
        except BaseException:
            self._undo.close()
            raise

    def __enter__(self) -> Stack:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        self.close()

    def close(self) -> None:
        """Stop everything; no process is left."""
        self._undo.close()

    @property
    def broken(self) -> str:
        """The process that has ended by itself; its log is named after the first word. Empty if all run."""
        processes = {"emulator": self._emulator, "submission port": self._submission}
        return next((name for name, each in processes.items() if each is not None and each.has_ended), "")

    def _start(self) -> None:
        settings, undo = self._settings, self._undo
        undo.enter_context(_only_one(settings.state))
        customers = Customers(settings.functions, settings.env_vars, settings.parameter_overrides)
        answers: dict[str, Any] = {}
        service = self._listen("the Lambda service", 1, answers)
        api = self._listen("the API", 2, answers)
        urls = [f"http://{settings.reach}:{server.port}" for server in (service, api)]
        self._endpoints = self._start_emulator(*urls)
        aws = Aws(self._endpoints)
        if settings.emulator == "localstack":
            refuse_leftovers(aws, settings.stack_name)
        receiving = SesReceiving(aws, ses_headers=settings.ses_headers)
        smtp = SmtpServer(settings.host, settings.smtp_port, receiving)
        undo.callback(smtp.close)
        self.environment = self._exports(service.port, api.port, smtp.port)
        submission = self._bind_submission()
        variables = settings.variables(urls[1])
        project = Project(settings.root, settings.stack_name, aws, variables, suffix=settings.suffix)
        project.deploy()
        self._tell_outputs(project, aws, urls[1])
        brought = customers.deploy(aws, settings.state / "packages", self.environment)
        refuse_same_names(brought, project)
        projects = [project, *brought]
        functions = [function for each in projects for function in each.functions]
        invocations = self._start_workers(functions, aws)
        lambda_service = LambdaService(invocations)
        deploy_permissions(projects, lambda_service)
        answers["the Lambda service"] = lambda_service.answer
        routes = routes_of(project.events, project.apis)
        answers["the API"] = Api(routes, invocations, Callers(invocations, aws), project.binary_types).answer

        def publish(topic: str, text: str) -> None:
            aws.client("sns").publish(TopicArn=topic, Message=text)

        lambda_service.hook(outbox.PATH, outbox.Outbox(settings.state / "outbox", receiving, publish).answer)
        service.start()
        custom = CustomResources(lambda_service, invocations, self.environment["AWS_ENDPOINT_URL_LAMBDA"])
        for each in projects:
            for resource in each.custom_resources:
                custom.create(resource, each.name)
        self._start_sources([event for each in projects for event in each.events], invocations, aws)
        self._watch(brought, invocations)
        api.start()
        smtp.start()
        if submission:
            self._start_submission(submission, project.functions)
        self._write_files(functions)
        for note in [*(note for each in brought for note in each.notes), *_versions(functions)]:
            print(f"postroom: note: {note}", file=sys.stderr)

    def _tell_outputs(self, project: Project, aws: Aws, api_url: str) -> None:
        """Let CloudFormation know the stack: the command line finds everything by its outputs."""
        found = outputs.local(project.outputs(), api_url=api_url, speed=self._settings.speed)
        if self._settings.emulator == "localstack":
            tell_localstack(aws, project.name, found)
        else:
            tell_moto(self._endpoints["AWS_ENDPOINT_URL"], project.name, found)

    def _start_workers(self, functions: list[Function], aws: Aws) -> Invocations:
        """Start the writer of logs, and what runs functions on request."""
        settings, undo = self._settings, self._undo
        logs = FunctionLogs(settings.state / "logs", aws)
        undo.callback(logs.close)
        logs.start()
        for_workers = {
            **self._endpoints,
            "AWS_ENDPOINT_URL_LAMBDA": self.environment["AWS_ENDPOINT_URL_LAMBDA"],
        }
        invocations = Invocations(functions, for_workers, logs, aws, settings.speed)
        undo.callback(invocations.close)
        return invocations

    def _start_sources(self, events: list[EventSource], invocations: Invocations, aws: Aws) -> None:
        """Start what invokes functions: mappings of queues and streams, schedules."""
        for source in sources(events, invocations, aws, self._settings.speed):
            self._undo.callback(source.close)
            source.start()

    def _watch(self, projects: list[Project], invocations: Invocations) -> None:
        """Reload customers' functions when their files change."""
        reloading = Reloading(projects, invocations)
        self._undo.callback(reloading.close)
        reloading.start()

    def _listen(self, what: str, offset: int, answers: dict[str, Any]) -> WebServer:
        port = self._settings.port and self._settings.port + offset

        def answer(request: Request) -> Response:
            response: Response = answers[what](request)
            return response

        server = WebServer(self._settings.host, port, answer, f"{what} (--port + {offset})")
        self._undo.callback(server.close)
        return server

    def _start_emulator(self, service_url: str, api_url: str) -> dict[str, str]:
        """Return the variables that say where AWS is."""
        settings = self._settings
        self._emulator: MotoProcess | None = None
        variables = {"POSTROOM_SES_HOOK": f"{service_url}{outbox.PATH}"}
        if settings.emulator == "localstack":
            return self._start_ses_beside(LocalStack().url, variables)
        if settings.functions:  # their templates may have state machines, whose tasks are functions and our API
            api = "AWS_ENDPOINT_URL_WORKMAIL"
            variables |= {"POSTROOM_STATE_MACHINES": "1", "AWS_ENDPOINT_URL_LAMBDA": service_url}
            variables |= {api: api_url, f"{api}MESSAGEFLOW": api_url}
        return endpoint_variables(self._start_moto(settings.port, variables))

    def _start_ses_beside(self, localstack_url: str, variables: dict[str, str]) -> dict[str, str]:
        """Start moto for SES alone, and return the variables for both.

        LocalStack's own SES (4.14.0) does not keep the recipients of an envelope, refuses mail that is not UTF-8, and
        has no SendBounce, no DeleteReceiptRule and no SES v2.
        """
        url = self._start_moto(0, {**variables, "POSTROOM_SES_ALONE": "1"})
        beside = {"AWS_ENDPOINT_URL_SES": url, "AWS_ENDPOINT_URL_SESV2": url}
        return {**beside, **endpoint_variables(localstack_url)}

    def _start_moto(self, port: int, variables: dict[str, str]) -> str:
        """Return its URL."""
        settings = self._settings
        log = settings.state / "logs" / "emulator.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        if port:  # refused here in one line, before a process starts
            listening(settings.host, port, "the emulator (--port)").close()
        self._emulator = MotoProcess(settings.host, port, log, variables)
        self._undo.callback(self._emulator.close)
        return f"http://{settings.reach}:{self._emulator.port}"

    def _exports(self, lambda_port: int, api_port: int, smtp_port: int) -> dict[str, str]:
        """Return what `up` exports. Source: local-stack.md."""
        settings = self._settings
        api = f"http://{settings.reach}:{api_port}"
        outgoing = settings.state / "outbox"
        shutil.rmtree(outgoing, ignore_errors=True)
        outgoing.mkdir(parents=True)
        return {
            **CREDENTIALS,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            **self._endpoints,
            "AWS_ENDPOINT_URL_LAMBDA": f"http://{settings.reach}:{lambda_port}",
            "AWS_ENDPOINT_URL_WORKMAIL": api,
            "AWS_ENDPOINT_URL_WORKMAILMESSAGEFLOW": api,
            "AWS_DATA_PATH": str(settings.root / "layers" / "workmail_client" / "botocore"),
            "POSTROOM_SMTP": f"{settings.reach}:{smtp_port}",
            "POSTROOM_OUTBOX": str(outgoing),
            "POSTROOM_EWS_URL": f"{api}/EWS/Exchange.asmx",
        }

    def _bind_submission(self) -> dict[Service, socket.socket]:
        """Take the ports of mail clients, if there are to be any, and export where they are."""
        settings = self._settings
        ports = {Service.SUBMISSION: settings.submission_port, Service.SUBMISSIONS: settings.submissions_port}
        taken = {
            service: self._undo.enter_context(listening(settings.host, port, f"{service} (--{service}-port)"))
            for service, port in ports.items()
            if port is not None
        }
        for service, each in taken.items():
            self.environment[f"POSTROOM_{service.name}"] = f"{settings.reach}:{each.getsockname()[1]}"
        if taken:
            self.environment["POSTROOM_SUBMISSION_CERTIFICATE"] = str(self._certificate()[0])
        return taken

    def _certificate(self) -> tuple[Path, Path]:
        return certificate_for({"localhost", "127.0.0.1", "::1", self._settings.reach}, self._settings.state)

    def _start_submission(self, taken: dict[Service, socket.socket], functions: list[Function]) -> None:
        """Start what answers mail clients; those that connect already wait for it."""
        own = {function.logical_id: function.environment for function in functions}
        variables = {name: value for each in SETTINGS_OF for name, value in own[each].items()}
        self._submission = SubmissionProcess(
            taken,
            *self._certificate(),
            log=self._settings.state / "logs" / "submission.log",
            variables={**variables, **self.environment},
        )
        self._undo.callback(self._submission.close)

    def _write_files(self, functions: list[Function]) -> None:
        state = self._settings.state
        exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in self.environment.items())
        for_sam = {
            function.logical_id: sam.variables(self.environment, function.environment, self._settings.reach)
            for function in functions
        }
        for name, text in (("env", exports), ("sam-env.json", json.dumps(for_sam, indent=2) + "\n")):
            path = state / name
            path.write_text(text, encoding="utf-8")
            self._undo.callback(path.unlink, missing_ok=True)


def run(settings: UpSettings) -> int:
    """Start, print the line of readiness, stay until Ctrl-C or SIGTERM; return the exit status.

    Raises:
        UsageError: it cannot be started as asked; nothing is left behind.
    """
    stopping = threading.Event()

    def stop(_signal: int, _frame: object) -> None:
        if stopping.is_set():
            return  # it is stopping already: once is enough
        stopping.set()
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    stack = None
    try:
        stack = Stack(settings)
        print(json.dumps({"ready": True, "env": stack.environment}), flush=True)
        if sys.stdout.isatty():  # a program reads the line above; a person reads this one
            print("postroom: ready. In another terminal: . .postroom/env; Ctrl-C here stops it", file=sys.stderr)
        while not stopping.wait(_CHECK_SECONDS):
            if broken := stack.broken:
                log = f".postroom/logs/{broken.partition(' ')[0]}.log"
                print(f"postroom: the {broken} has ended; see {log}", file=sys.stderr)
                return 1
    except KeyboardInterrupt:
        return 0
    finally:
        stopping.set()
        if stack is not None:
            stack.close()
    return 0


@contextlib.contextmanager
def _only_one(state: Path) -> Any:
    """Hold the checkout's lock: the second `up` would overwrite the first one's environment."""
    state.mkdir(exist_ok=True)
    with (state / "up.lock").open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise UsageError(f"another `postroom up` runs in this checkout (process {lock.read().strip()})") from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
        lock.truncate(0)


def _versions(functions: list[Function]) -> list[str]:
    """Say where this machine differs from the templates."""
    return [
        f"functions of {name} run on this machine's {here}"
        for name in sorted({function.runtime for function in functions})
        if (here := runtime(name).here()) != name
    ]
