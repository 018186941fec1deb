"""Effects outside our tables: a message that SES sends, a relay, an object in a customer's bucket.

``counted_trail`` counts what leaves an audit record; ``jobs`` reads and changes the records of exports and imports.
"""
