"""Rules about keys and references."""
