"""Measures what is promised: the decision core's time, the price of a message, the time that a handler takes to import.

``__main__`` prints one table; ``core``, ``bill`` and ``startup`` measure, ``meter`` counts calls of AWS, ``prices``
is what they cost, ``way`` drives a message through all functions in this process. ``commands`` measures the command
line on a running stack. ``waiting`` is a part of its own, on a running stack: what mail feels of other mail that waits.
docs/performance.md says how to read the tables.
"""
