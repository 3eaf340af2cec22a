"""The checks that only a local AWS can be asked, each with its reason; left out and counted at AWS."""

from __future__ import annotations

LOCAL_ONLY = {
    "test_root_may_not_assume_a_role": "needs access keys of the root user, which an account should not have",
    "test_expired_session_is_refused": "AWS ends no session before 15 minutes; the local AWS is told to",
}
