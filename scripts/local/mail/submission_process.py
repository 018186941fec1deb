"""The ports of submission of a local stack, as a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from local.child import Child

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from pathlib import Path

    from local.mail.services import Service

SETTINGS_OF: Final = ("AuthenticateFunction", "SubmitFunction", "AdminApiFunction")
"""Functions whose variables are the program's settings, too: it logs in as the first one, and calls the second one as
the third one does."""


class SubmissionProcess(Child):
    """`python -m local.mail.submission_program`."""

    def __init__(
        self,
        taken: Mapping[Service, socket.socket],
        certificate: Path,
        key: Path,
        *,
        log: Path,
        variables: Mapping[str, str],
    ) -> None:
        """Start it; clients may connect at once, and are answered when it is ready.

        Args:
            taken: the listening sockets, which are the process's from now on.
            certificate: PEM file.
            key: PEM file.
            log: file for what it writes.
            variables: its settings, and where its AWS is.
        """
        descriptors = {service: each.fileno() for service, each in taken.items()}
        files = ("--certificate", str(certificate), "--key", str(key))
        sockets = (f"--socket={service}={descriptor}" for service, descriptor in descriptors.items())
        program = ("local.mail.submission_program", *sockets, *files)
        super().__init__(*program, log=log, variables=variables, pass_fds=list(descriptors.values()))
        for each in taken.values():
            each.close()
