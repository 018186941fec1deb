"""The fault walk: every scenario under every fault at every call. No message may be lost or delivered twice.

Reading order::

    scenario.py       one scenario: what is played, and how every recipient must end
    scenarios.py      the table of scenarios: message_scenarios.py and recovery_scenarios.py
    organizations.py  the directory and the rules of scenarios
    plays.py          the events of scenarios
    faults.py         the table of faults: a call goes wrong, or messages are handed out in another way
    injector.py       a patch of botocore under which one call of a run goes wrong
    gateway.py        an SMTP gateway, and the steps of a conversation with it as calls
    harness.py        the functions, with queues, stream, schedule and clock (clock.py)
    evidence.py       the contents of tables, buckets, queues and logs, read without the stations' code
    invariants.py     the table of checks (ARCHITECTURE.md, "What must always hold")
    permissions.py    the permissions that roles must allow (template.yaml)
    walk.py           a scenario under a fault: one run per call

To add a scenario: a function of a few lines in ``plays.py`` that plays it, and its row in ``MESSAGES`` or
``RECOVERIES``: which functions' calls go wrong, and how each recipient ends. A new fact that ends a recipient needs its
row in ``evidence.ENDS``; a new queue or function one in ``harness.MAPPINGS``. ``./scripts/faults`` walks everything and
prints scenarios x faults; ``pytest tests/faults`` walks a sample, and checks that mutants of the code are found.
"""
