"""The world: AWS, and the same promises kept in memory."""
