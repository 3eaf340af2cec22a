"""Sync jobs: the crawl of a source into records, and what follows from a finished one.

Owns the only place that sees records and destinations together; revoking and purging live here.
"""
