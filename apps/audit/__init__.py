"""Who did what, to what, when: events inserted in the writer's transaction, sealed later into a chain.

Owns AuditEvent and its seals; refuses foreign keys and patient data; knows no other app.
"""
