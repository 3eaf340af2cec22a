"""Secrets at rest: sealing, keyed digests, and the model field that uses them.

Owns the key ring derived from FIELD_ENCRYPTION_KEYS; refuses SECRET_KEY, which signs sessions and hints only.
"""
