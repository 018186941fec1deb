"""Station 1, ingest: whose message is this, and where does it go?

``ingest`` is the station; ``envelope`` reads the message's own words, ``policy`` applies DMARC and the organization's
rules; ``postroom.routing`` finds the mailboxes.
"""
