"""People and their teams: users, workspaces, memberships with roles, invitations.

Owns who may do what in a workspace; refuses applications and anything below a mode.
"""
