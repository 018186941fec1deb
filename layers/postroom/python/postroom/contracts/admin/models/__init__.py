"""Generated: see scripts/generate-contracts."""
