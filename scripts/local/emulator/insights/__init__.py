"""The query language of CloudWatch Logs Insights, as far as the event log's queries need it; the rest is refused.

Commands: fields, display, filter (where), parse, stats, sort, dedup, limit. Conditions: and, or, not, parentheses,
= != < <= > >=, like and =~ with a string or a regular expression, in, ispresent. Aggregates: count, count_distinct,
sum, avg, min, max, by fields and bin(period). Everything else is a `QueryError` that names the word.
Source: CloudWatch Logs User Guide, "CloudWatch Logs Insights language query syntax".
"""

from __future__ import annotations

from local.emulator.insights.rows import Event
from local.emulator.insights.run import Answer, run
from local.emulator.insights.tokens import QueryError

__all__ = ["Answer", "Event", "QueryError", "run"]
