"""Sources of events that start functions: queues, streams and schedules."""
