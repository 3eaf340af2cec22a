"""Tests of apps.mails."""
