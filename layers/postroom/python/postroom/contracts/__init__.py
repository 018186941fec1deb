"""Wire formats, one module each, with their sources and limits.

Models of received data ignore unknown keys (``Received``), and so do those of data that versions of Postroom leave for
each other (``Kept``); models of sent data forbid them (``Sent``).
"""
