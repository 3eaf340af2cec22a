"""Tests of apps.outbox."""
