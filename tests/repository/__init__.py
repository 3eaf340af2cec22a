"""The repository's own files against one another."""
