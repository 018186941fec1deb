"""``python -m cli``: the same as `postroom`."""

from cli.main import main

main()
