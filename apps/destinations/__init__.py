"""Where deliveries go, and every delivery with its attempts.

Owns connection tests, frozen object keys and delivery states; refuses to know how a sync works.
"""
