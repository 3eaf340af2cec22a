"""Pages over several subjects: overview, search, health.

Owns no table and no rule.
"""
