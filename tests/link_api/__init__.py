"""Tests of apps.link_api."""
