"""Tests of apps.authorizations."""
