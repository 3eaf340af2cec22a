"""Tests of apps.audit."""
