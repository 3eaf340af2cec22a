"""From a source's resource to the line that we keep, serve and deliver.

Owns ids, references, tags and fallbacks; refuses Django, settings, the clock and the network.
"""
