"""Secrets at rest: sealed values, keyed hashes, and how keys are rotated.

Owns the key ring and the sealed field; refuses to know whose secrets they are. Source: RFC 5869, SP 800-38D.
"""
