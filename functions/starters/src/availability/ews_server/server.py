"""An EWS server: one GetUserAvailability request for all mailboxes of a question."""

from __future__ import annotations

import logging
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import questions
from ..https import Https, split
from ..questions import Deadline, MailboxError
from ..secret import WrongSecretError, trusted
from .soap import Answers, request

if TYPE_CHECKING:
    from ..questions import Window

logger = logging.getLogger()

MOST_BYTES = 4 * 2**20
"""Size of an answer. Ours: 100 mailboxes with 100 events each take about 4 MB."""

HEADERS = {"Content-Type": "text/xml; charset=utf-8", "Accept": "text/xml", "X-Postroom-Passed-On": "true"}
"""The last one: a Postroom that is asked does not ask providers of its own, which may be this function again."""


@dataclass(frozen=True)
class Server:
    """The secret: `{"url": "https://…/EWS/Exchange.asmx", "username": …, "password": …, "certificates": PEM}`.

    `with_details`: whether answers have subjects and locations.
    """

    url: str
    authorization: str
    https: Https
    with_details: bool

    def answer(self, event: dict[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Answer a question; if the server gives no answer, every mailbox has its error."""
        mailboxes, window = questions.read(event)
        if not mailboxes:
            return {"mailboxes": []}
        pool = ThreadPoolExecutor(1, thread_name_prefix="ews")  # a name that DNS does not answer has no time limit
        asked = pool.submit(self._ask, mailboxes, window, deadline)
        pool.shutdown(wait=False)
        try:
            answers = asked.result(max(deadline.left(), 0))
        except TimeoutError:
            return _all_failed(mailboxes, MailboxError("ErrorTimeoutExpired", "the server did not answer in time"))
        except MailboxError as error:
            return _all_failed(mailboxes, error)
        return questions.whole([self._one(answers, place, each, window) for place, each in enumerate(mailboxes)])

    def _ask(self, mailboxes: list[str], window: Window, deadline: Deadline) -> Answers:
        headers = {**HEADERS, "Authorization": self.authorization}
        answer = self.https.send("POST", split(self.url), headers, request(mailboxes, window), deadline)
        if answer.status in (429, 503):
            raise MailboxError("ErrorServerBusy", f"the server answered with status {answer.status}")
        if answer.status not in (200, 500):  # a fault of SOAP comes with 500, and says more
            raise MailboxError("ErrorFreeBusyGenerationFailed", f"the server answered with status {answer.status}")
        return Answers(answer.body, len(mailboxes))

    def _one(self, answers: Answers, place: int, mailbox: str, window: Window) -> dict[str, Any]:
        try:
            return answers.of(place, mailbox, window, with_details=self.with_details)
        except MailboxError as error:
            logger.warning("%a: %s: %s", mailbox, error.code, error)
            return questions.failed(mailbox, error.code)


def _all_failed(mailboxes: list[str], error: MailboxError) -> dict[str, Any]:
    logger.warning("all mailboxes: %s: %s", error.code, error)
    return {"mailboxes": [questions.failed(each, error.code) for each in mailboxes]}


def read(secret: dict[str, Any], private_hosts: frozenset[str], *, with_details: bool) -> Server:
    """Return what a secret says.

    Args:
        secret: as in Server.
        private_hosts: names that may lead to private addresses.
        with_details: as in Server.

    Raises:
        WrongSecretError: it is not as in Server.
    """
    given = [secret.get(name) for name in ("url", "username", "password")]
    if not all(isinstance(each, str) and each for each in given):
        raise WrongSecretError("the secret lacks `url`, `username` or `password`")
    url, username, password = map(str, given)
    try:
        split(url)
    except MailboxError:
        raise WrongSecretError("`url` is not one of HTTPS") from None
    authorization = f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"
    https = Https(MOST_BYTES, private_hosts=private_hosts, tls=trusted(secret))
    return Server(url, authorization, https, with_details)
