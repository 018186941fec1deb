"""Station 1, ingest: whose message is this, and where does it go?

``ingest`` is the station; ``envelope`` reads the message's own words, ``resolve`` finds who gets it, ``plan`` cuts the
answer into transactions.
"""
