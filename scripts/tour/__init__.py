"""The tour of `scripts/demo`: a stack, an organization, some hundred messages, and checks of the result of each."""
