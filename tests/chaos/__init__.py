"""The product's processes, hurt on purpose: one at a time by `tests/faults`, at random by `make chaos`."""
