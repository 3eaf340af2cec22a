"""What a member sees: sign-in, approval, and a page for requests that lead nowhere.

Owns the HTML, its one style sheet and its Content-Security-Policy. Refuses scripts and all that is elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from urllib.parse import urlsplit

from apps.sandbox.payer.members import Member
from apps.sandbox.payer.plans import Plan, SignIn

_STYLE = """
:root { color-scheme: light; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; background: #f4f5f6; color: #1c2226; }
main { box-sizing: border-box; max-width: 27rem; margin: 8vh auto 2rem; padding: 2rem; background: #fff;
  border: 1px solid #d5dadd; border-radius: 8px; }
h1 { margin: 0 0 .25rem; font-size: 1.375rem; line-height: 1.3; }
p { margin: 0 0 1rem; } ul { padding-left: 1.25rem; }
.plan { margin: 0 0 1.5rem; font-weight: 600; color: #3d474d; }
.note { margin: 1.5rem 0 0; font-size: .875rem; color: #4f5b62; }
.problem { padding: .625rem .75rem; background: #fdecea; border: 1px solid #c0392b; border-radius: 4px; }
label { display: block; margin: 0 0 1rem; font-weight: 600; }
input[type=text], input[type=password] { box-sizing: border-box; display: block; width: 100%;
  margin-top: .25rem; padding: .5rem .625rem; font: inherit; font-weight: 400;
  border: 1px solid #74818a; border-radius: 4px; }
fieldset { margin: 0 0 1rem; padding: 0; border: 0; } legend { padding: 0; font-weight: 600; }
.pick { display: flex; gap: .5rem; align-items: baseline; margin: .5rem 0; font-weight: 400; }
.actions { display: flex; gap: .75rem; margin-top: 1.5rem; }
button { padding: .5rem 1rem; font: inherit; font-weight: 600; border: 1px solid #1d4f73; border-radius: 4px;
  background: #1d4f73; color: #fff; cursor: pointer; }
button.quiet { background: #fff; color: #1d4f73; }
:focus-visible { outline: 3px solid #e0a100; outline-offset: 2px; }
code { font-size: .875rem; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


def security_headers(redirect_uri: str = "") -> dict[str, str]:
    """Make the headers of every page.

    Browsers apply form-action to the whole chain of redirects after a form, and the client's callback often
    sends the browser on to the application: so beside the client's origin, loopback or https is let through.
    """
    targets = "'self'"
    if redirect_uri:
        parts = urlsplit(redirect_uri)
        onward = "https:" if parts.scheme == "https" else "http://localhost:* http://127.0.0.1:*"
        targets = f"'self' {parts.scheme}://{parts.netloc} {onward}"
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {targets}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }


def sign_in_page(plan: Plan, members: Sequence[Member], request: str, *, login: str = "", problem: str = "") -> str:
    """Ask who is there; `request` is the signed authorization request, carried from form to form."""
    asks_password = plan.sign_in is SignIn.PASSWORD
    questions = _credentials(plan, login) if asks_password else _choices(members)
    message = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
    hints = "".join(
        f"<li><code>{escape(member.login)}</code> / <code>{escape(member.password)}</code></li>" for member in members
    )
    note = f'<div class="note">Synthetic members and their passwords:<ul>{hints}</ul></div>' if asks_password else ""
    return _page(
        plan.display,
        "Sign in" if asks_password else "Pick a patient",
        f"""<p>to share your health records with Record Relay.</p>{message}
<form method="post" action="sign-in">{_hidden(request)}{questions}
<div class="actions"><button name="decision" value="continue">Continue</button>
<button class="quiet" name="decision" value="cancel" formnovalidate>Cancel</button></div></form>{note}""",
    )


def approval_page(plan: Plan, member: Member, request: str, *, offline: bool) -> str:
    """Ask the member, now known, whether the client may read their records."""
    lasting = "<li>Read new records later, until you end it</li>" if offline else ""
    return _page(
        plan.display,
        "Share your records?",
        f"""<p>{escape(member.person.name)}, Record Relay asks to:</p>
<ul><li>Read your coverage, claims and clinical records</li>{lasting}</ul>
<form method="post" action="approve">{_hidden(request)}
<div class="actions"><button name="decision" value="allow">Allow</button>
<button class="quiet" name="decision" value="cancel">Cancel</button></div></form>""",
    )


def dead_end_page(message: str) -> str:
    """Tell the member that this request cannot go on."""
    return _page("Sandbox plans", "This request cannot go on", f"<p>{escape(message)}</p>")


def _credentials(plan: Plan, login: str) -> str:
    return f"""<label>{escape(plan.login_label)}
<input type="text" name="login" value="{escape(login)}" autocomplete="username" required></label>
<label>Password
<input type="password" name="password" autocomplete="current-password" required></label>"""


def _choices(members: Sequence[Member]) -> str:
    options = "".join(
        f'<label class="pick"><input type="radio" name="login" value="{escape(member.login)}" required>'
        f"<span>{_names(member)}, born {member.person.birth_date}</span></label>"
        for member in members
    )
    return f"<fieldset><legend>Pick any patient</legend>{options}</fieldset>"


def _names(member: Member) -> str:
    """Show both names of a member who has two: not every machine can show every script."""
    other = member.person.other_name
    return f"<bdi>{escape(member.person.name)}</bdi>" + (f" (<bdi>{escape(other)}</bdi>)" if other else "")


def _hidden(request: str) -> str:
    return f'<input type="hidden" name="request" value="{escape(request)}">'


def _page(plan_name: str, title: str, content: str) -> str:
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} - {escape(plan_name)}</title><style>{_STYLE}</style></head>
<body><main><p class="plan">{escape(plan_name)}</p><h1>{escape(title)}</h1>{content}
<p class="note">This is a sandbox. The plan, its members and their records are invented.</p>
</main></body></html>
"""
