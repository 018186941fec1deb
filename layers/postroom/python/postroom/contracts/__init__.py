"""Wire formats, one module each, with their sources and limits.

What we receive ignores unknown keys (``Received``); what we send forbids them (``Sent``).
"""
