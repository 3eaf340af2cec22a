"""The transforms, without a database."""
