"""Ports in memory: a product of its own (tests, benchmarks), held to the same suites as AWS."""
