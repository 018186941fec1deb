"""Writes audit records to the destinations of their organization's deliveries, each at least once.

A record is in its queue until every destination has it, or a message for that destination alone is in the retry queue,
or it is among the dead letters, where park keeps it. A destination has a record twice if its answer was lost, or if the
whole message comes again: after a stop, or because the retry queue did not take a message.

``write_audit_log`` reads messages and decides; ``outlets`` writes the records of one delivery.
"""
