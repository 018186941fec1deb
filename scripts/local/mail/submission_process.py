"""The submission port of a local stack, as a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from local.child import Child

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from pathlib import Path

SETTINGS_OF: Final = ("AuthenticateFunction", "SubmitFunction", "AdminApiFunction")
"""Functions whose variables are the program's settings, too: it logs in as the first one, and calls the second one as
the third one does."""


class SubmissionProcess(Child):
    """`python -m local.mail.submission_program`."""

    def __init__(
        self, taken: socket.socket, certificate: Path, key: Path, *, log: Path, variables: Mapping[str, str]
    ) -> None:
        """Start it; clients may connect at once, and are answered when it is ready.

        Args:
            taken: the listening socket, which is the process's from now on.
            certificate: PEM file.
            key: PEM file.
            log: file for what it writes.
            variables: its settings, and where its AWS is.
        """
        descriptor = taken.fileno()
        files = ("--certificate", str(certificate), "--key", str(key))
        program = ("local.mail.submission_program", "--socket", str(descriptor), *files)
        with taken:
            super().__init__(*program, log=log, variables=variables, pass_fds=[descriptor])
