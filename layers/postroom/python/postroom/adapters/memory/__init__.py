"""The ports in memory, for tests and benchmarks. The same suites test them and the AWS adapters."""
