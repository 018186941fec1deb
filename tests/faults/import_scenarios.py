"""A scenario of mailbox imports: an archive in the customer's bucket enters a mailbox that has a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.aws.import_sources import S3ImportObjects
from postroom.bootstrap import parts
from postroom.bootstrap.settings import FlowSettings
from postroom.contracts.import_orders import ImportOrder
from postroom.model.imports import MailboxImportJob
from postroom.model.records import Insert
from postroom.ports.transit import Commit
from tests.faults.exported import BUCKET, JOB, make_bucket
from tests.faults.organizations import acme
from tests.faults.scenario import Scenario, delivered
from tests.support.builders import ORG, arn
from tests.support.import_jobs import archive, messages

if TYPE_CHECKING:
    from tests.faults.harness import Harness

FUNCTIONS: Final = frozenset({"ingest", "deliver", "park", "import_mailbox"})
MESSAGES: Final = messages(3)


def imported(harness: Harness) -> None:
    """A message is delivered, and then an archive is imported as StartMailboxImportJob does."""
    harness.arrive("m1", "ann@acme.test")
    harness.pump()
    make_bucket()
    s3: Any = harness.stack.s3
    s3.put_object(Bucket=BUCKET, Key="a.zip", Body=archive(MESSAGES))
    found = S3ImportObjects(s3, "123456789012").find(BUCKET, "a.zip")
    assert found is not None
    job = MailboxImportJob(
        organization_id=ORG,
        id=JOB,
        entity_id="ann",
        role_arn="arn:aws:iam::123456789012:role/import",
        external_id=arn(),
        bucket=BUCKET,
        path="a.zip",
        etag=found.etag,
        started=int(harness.clock.time() * 1000),
    )
    order = ImportOrder(trace=job.trace, organization_id=ORG, job_id=JOB)
    parts.transit(FlowSettings.read()).commit(Commit(orders=[order]))
    harness.pipeline.directory.commit([Insert(job)])
    harness.stack.sqs.send_message(
        QueueUrl=harness.stack.environment["IMPORT_MAILBOX_QUEUE_URL"], MessageBody=order.message
    )
    harness.pump()


IMPORTS: Final[tuple[Scenario, ...]] = (
    Scenario(
        "import_mailbox: an archive",
        imported,
        frozenset({"import_mailbox"}),
        {"m1": ("ann@acme.test",)},
        delivered("m1", "ann"),
        acme,
        functions=FUNCTIONS,
        imported=tuple(MESSAGES.values()),
    ),
)
