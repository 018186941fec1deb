"""The fault walk: every scenario, broken at every AWS call it makes, in every way; nothing may be lost or doubled.

Reading order::

    scenario.py    one scenario: what is played, and how every recipient must end
    scenarios.py   the table of scenarios: message_scenarios.py and recovery_scenarios.py
    setups.py      what scenarios play
    faults.py      how a call, or the handing out of messages, goes wrong: the table of faults
    injector.py    botocore, with one call of a run going wrong
    harness.py     the functions themselves, with queues, stream, schedule and time between them
    evidence.py    the contents of tables, buckets, queues and logs, read without the stations' code
    invariants.py  what must hold of it (ARCHITECTURE.md, "What must always hold"): the table of checks
    permissions.py what roles must allow for it (template.yaml)
    walk.py        a scenario x a fault: play it once for each call, look, count

To add a scenario: a function of a few lines in ``setups.py`` that plays it, and its row in ``MESSAGES`` or
``RECOVERIES``: which functions' calls go wrong, and how each recipient ends. A new fact that ends a recipient needs its
row in ``evidence.ENDS``; a new queue or function one in ``harness.MAPPINGS``. ``./scripts/faults`` walks everything and
prints scenarios x faults; ``pytest tests/faults`` walks a sample, and checks that two mutants of the code are found.
"""
