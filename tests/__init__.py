"""Tests, mirrored by subject; journeys in `flows`."""
