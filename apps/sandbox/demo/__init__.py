"""The whole story on one machine: every part as a process of its own, driven over HTTP as a developer would.

Owns ports, processes, the demo's team and its customer; refuses shortcuts past the API where one exists.
"""
