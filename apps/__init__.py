"""The product, one package a subject, ordered in floors (README, "Floors"); imports go downwards only."""
