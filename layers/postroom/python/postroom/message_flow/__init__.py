"""The Message Flow API: what rule functions read of a message on its way, and what they put in its place."""
