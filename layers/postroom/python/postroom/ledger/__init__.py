"""Projections of the ledger to event logs, the event bus and metrics, each at least once.

``record_events`` reads the ledger's stream, ``retry_events`` retries what was refused, ``rebuild`` writes a log again.
``event_log`` and ``bus`` write facts to their targets; ``lines`` formats a fact as a log line; ``counting`` counts
metrics.
"""
