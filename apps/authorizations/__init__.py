"""Consents and patient authorizations, their states, tokens in both directions.

Owns what a patient agreed to; refuses records, syncs and destinations (they look down at it).
"""
