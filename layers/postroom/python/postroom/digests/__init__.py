"""Digests of audit records in customers' buckets: written every hour, and verified."""
