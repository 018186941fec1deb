"""What starts functions: queues, streams and schedules."""
