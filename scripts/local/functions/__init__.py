"""Lambda: functions in processes of their own, the service's API, their packages and logs."""
