"""E-mails: which kinds there are, what each may say, and their way out through the outbox.

Owns words, layout and sending; refuses patient data and secrets, and knows none of the apps that ask for mails.
"""
