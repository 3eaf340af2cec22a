"""What is killed, frozen, lost or doubled, one at a time, against the product's real processes (queue.md 9)."""
