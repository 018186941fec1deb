"""Who gets what: one module a function, its settings from the environment and its wiring; nothing else."""
