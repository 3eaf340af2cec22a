"""Screens over audit events.

Owns plain words for event types; refuses to write events.
"""
