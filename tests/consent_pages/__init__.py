"""Tests of apps.consent_pages."""
