"""The texts to paste, as a page shows them: one format at a time, placeholders marked, each with a file to download."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from django.http import HttpRequest
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from .. import policies
from ..models import Destination
from ..selectors import NO_PRINCIPAL, policy_setup, principal_arn

PARAMETER = "policies"
FORMATS = {"json": "JSON", "cli": "AWS CLI", "terraform": "Terraform", "cloudformation": "CloudFormation"}
BLANKS = (
    (policies.EXTERNAL_ID_PLACEHOLDER, "external-id"),
    (policies.OLD_EXTERNAL_ID_PLACEHOLDER, "old-external-id"),
    (policies.ROLE_ARN_PLACEHOLDER, "role-arn"),
    (NO_PRINCIPAL, "principal"),
)


@dataclass(frozen=True, slots=True)
class PolicyText:
    """One text. `label` says where it belongs."""

    id: str
    label: str
    plain: str
    filename: str

    @property
    def marked(self) -> SafeString:
        return mark_blanks(self.plain)

    @property
    def address(self) -> str:
        """Return the file itself, so that no second request has to make it."""
        return f"data:text/plain;charset=utf-8,{quote(self.plain)}"


@dataclass(frozen=True, slots=True)
class ShownPolicies:
    """Shape of `tabs`: (text, address, whether it is shown)."""

    tabs: list[tuple[str, str, bool]]
    format: str
    texts: list[PolicyText]
    statements: list[PolicyText]


def mark_blanks(text: str) -> SafeString:
    """Return a text as HTML: what a person has to put in is marked, the rest is to the letter."""
    html: str = escape(text)
    for blank, name in BLANKS:
        mark = format_html('<mark data-blank="{}">{}</mark>', name, blank)
        html = html.replace(escape(blank), mark)
    return mark_safe(html)  # noqa: S308  # escaped above, piece by piece


def show_policies(request: HttpRequest, destination: Destination) -> ShownPolicies:
    """Return the texts in the format that `?policies=` names, JSON by default."""
    setup = policy_setup(destination)
    chosen = request.GET.get(PARAMETER, "")
    chosen = chosen if chosen in FORMATS else next(iter(FORMATS))
    tabs = [(text, f"?{PARAMETER}={name}#policies", name == chosen) for name, text in FORMATS.items()]
    return ShownPolicies(tabs, chosen, list_texts(setup, chosen), _statements(setup))


def trust_text(destination: Destination, *external_ids: str) -> PolicyText:
    """Return the trust policy with the external ID that is on screen filled in."""
    trust = policies.trust_policy(principal_arn(), external_ids[0] if len(external_ids) == 1 else external_ids)
    return PolicyText("trust", "Trust policy of the role", policies.render(trust), "trust-policy.json")


def list_texts(setup: policies.PolicySetup, chosen: str) -> list[PolicyText]:
    """Return the texts of one format, in the order in which they are used."""
    if chosen == "cli":
        texts = [PolicyText("policy-cli", "Commands that make the role", policies.aws_cli(setup), "record-relay.sh")]
        again = policies.replace_trust(setup)
        return [
            *texts,
            PolicyText("policy-again", "If the role exists already: its trust policy", again, "record-relay-trust.sh"),
        ]
    if chosen == "terraform":
        return [PolicyText("policy-terraform", "Configuration", policies.terraform(setup), "record-relay.tf")]
    if chosen == "cloudformation":
        return [PolicyText("policy-cloudformation", "Template", policies.cloudformation(setup), "record-relay.yaml")]
    trust, permissions = policies.render(setup.trust), policies.render(setup.permissions)
    return [
        PolicyText("policy-trust", "Trust policy of the role", trust, "trust-policy.json"),
        PolicyText("policy-role", "Permissions of the role", permissions, "role-policy.json"),
    ]


def _statements(setup: policies.PolicySetup) -> list[PolicyText]:
    """Return what to add to policies that exist already; no tool may write those as a whole."""
    shown = []
    if setup.bucket_statement:
        text = policies.render(setup.bucket_statement)
        shown.append(PolicyText("policy-bucket", "Add to the bucket's own policy", text, "bucket-statement.json"))
    if setup.key_statement:
        text = policies.render(setup.key_statement)
        shown.append(PolicyText("policy-key", "Add to the key's own policy", text, "key-statement.json"))
    return shown
