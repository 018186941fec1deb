"""The local stack and the command line: the whole system on one machine."""
