"""Stored resources: versioned lines, a partition per patient authorization.

Owns what is visible as of a sync sequence; refuses any query without a partition (D2, D4, D6).
"""
