"""The outside world in a box: a synthetic payer, a local AWS, the demo.

Owns stand-ins that really refuse; refuses to be imported by the product.
"""
