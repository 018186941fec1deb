"""The Message Flow API: rule functions read a message in transit, and replace its content."""
