"""Tests of apps.applications."""
