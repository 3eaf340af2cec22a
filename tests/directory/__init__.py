"""The endpoint directory: what a source bears."""
