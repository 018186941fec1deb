"""Wire formats, one module each, with their sources and limits.

Models of received data ignore unknown keys (``Received``); models of sent data forbid them (``Sent``).
"""
