"""Endpoints that a patient can connect: payers and providers, per mode.

Owns what is known about a source; refuses credentials of patients.
"""
