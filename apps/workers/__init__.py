"""Drains the lanes, sweeps what is due, supervises the cluster.

Owns processes and time; refuses rules: each lane calls one service.
"""
