"""Station 3, the ledger's projections: logs, announcements and numbers made from facts, at least once each.

``record_events`` reads the stream, ``retry_events`` takes up what was refused, ``rebuild`` writes a log once more.
``event_log`` and ``bus`` are the two places a fact goes to, ``lines`` says how it looks there; ``counting`` has the
metrics.
"""
