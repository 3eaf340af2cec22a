"""Applications of a workspace, their API keys, redirect URIs and live access.

Owns the mode (test or live) and what a key may do; refuses patients and their data.
"""
