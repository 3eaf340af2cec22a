"""Pages of the support console.

Owns what staff see; refuses clinical data.
"""
