"""The front for mail clients: Exchange Web Services and AutoDiscover.

``front`` answers a request, ``operations`` lists what EWS serves, a module each.
"""
