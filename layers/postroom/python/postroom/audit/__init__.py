"""Writes audit records to the destinations of their organization's deliveries, each at least once.

A record is in its queue until every destination has it, or a message for that destination alone is in the retry queue,
or it is among the dead letters, where park keeps it. Doubled is what a destination took without saying so, and what was
written before a stop, or before the retry queue did not take a message: the whole message then comes again.

``write_audit_log`` reads messages and decides; ``outlets`` writes the records of one delivery.
"""
