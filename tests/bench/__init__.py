"""Benchmarks: each figure is a ratio within one run on this machine; nothing here is asserted."""
