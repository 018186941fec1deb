"""What stations ask of the world: one Protocol a file, each method with its promise."""
