"""The embedded AWS emulator: moto behind a threaded HTTP server, corrected where it differs from AWS.

Reading order: ``server`` (one process, one port), ``patches`` (what we change in moto, and why).
"""
