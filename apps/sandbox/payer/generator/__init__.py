"""Synthetic records in US Core and CARIN Blue Button shapes, the same bytes at every start.

Owns what a member's record holds, one module per family of resource types. Refuses clocks, networks and
unseeded randomness. Every person, provider and number is invented.
"""
