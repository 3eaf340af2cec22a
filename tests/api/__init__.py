"""The management API at /api/v1/."""
