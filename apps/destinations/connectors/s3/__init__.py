"""Delivery to a customer's Amazon S3 bucket through a role that the customer owns.

Refuses long-lived keys, roles that work without an external ID, overwriting and redirects.
"""
