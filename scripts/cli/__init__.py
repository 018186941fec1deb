"""The command line: `postroom`, and the commands that work on a running stack, however that is run."""
