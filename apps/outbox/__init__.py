"""Rows that hold work: state, attempts, lease, fence; and the doorbell that wakes a lane.

Owns how work is claimed and handed back; refuses to know what the work is. Source: design rule D7.
"""
