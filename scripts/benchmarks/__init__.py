"""Measures what is promised: the decision core's time, the price of a message, the time that a handler takes to import.

``__main__`` prints one table. ``core``, ``bill`` and ``startup`` measure; ``meter`` counts calls of AWS; ``prices`` has
their prices; ``pipeline`` brings a message through all functions in this process. ``commands`` measures the command
line on a running stack. ``waiting`` is separate, on a running stack: how messages that wait delay other messages.
docs/performance.md explains the tables.
"""
