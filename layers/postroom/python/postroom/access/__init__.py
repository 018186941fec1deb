"""Mail clients: which user a request comes from.

``authenticate`` answers it for HTTP Basic authentication.
"""
