"""Mutants of conditions, wildcards and the grammar of policies."""

from __future__ import annotations

from functools import partial

from tests.sandbox.cloud.mutants.mutant import Mutant, probe

_C = partial(Mutant, module="conditions", by=probe("conditions", "test_condition_holds_or_not"))
_W = partial(Mutant, module="wildcards")
_G = partial(Mutant, module="policies", by=("test_policies.py", "test_malformed_statement_is_refused"))
_501 = ("test_policies.py", "test_what_is_valid_but_not_evaluated")
_ABSENT = 'return negated and condition.quantifier == ""  # C1, C2, C4'
_HOLDS = "return any(test(found, value) for value in condition.values) != negated  # C6, C7"

# Each operator's comparison as it stands in the source; a negated operator turns round the same one.
_COMPARISONS = {
    "StringEquals": "lambda found, wanted: found == wanted,  # C8",
    "StringEqualsIgnoreCase": "lambda found, wanted: found.lower() == wanted.lower(),",
    "StringLike": "lambda found, wanted: matches(wanted, found),  # C9",
    "ArnEquals": "lambda found, wanted: arn_matches(wanted, found),  # C10",
    "ArnLike": "lambda found, wanted: arn_matches(wanted, found),",
    "Bool": "lambda found, wanted: found.lower() == wanted.lower(),",
    "IpAddress": "lambda found, wanted: ip_address(found) in ip_network(wanted, strict=False),  # C11",
    "NumericEquals": "_numeric(lambda found, wanted: found == wanted),",
    "NumericLessThan": "_numeric(lambda found, wanted: found < wanted),",
    "NumericLessThanEquals": "_numeric(lambda found, wanted: found <= wanted),",
    "NumericGreaterThan": "_numeric(lambda found, wanted: found > wanted),",
    "NumericGreaterThanEquals": "_numeric(lambda found, wanted: found >= wanted),",
    "DateEquals": "_date(lambda found, wanted: found == wanted),",
    "DateLessThan": "_date(lambda found, wanted: found < wanted),",
    "DateLessThanEquals": "_date(lambda found, wanted: found <= wanted),",
    "DateGreaterThan": "_date(lambda found, wanted: found > wanted),",
    "DateGreaterThanEquals": "_date(lambda found, wanted: found >= wanted),",
}
_ALWAYS, _NEVER = "lambda found, wanted: True,", "lambda found, wanted: False,"
_INSTEAD = [
    ("C8", "StringEquals", "lambda found, wanted: found.lower() == wanted.lower(),", "compares without case"),
    ("C8", "StringEqualsIgnoreCase", "lambda found, wanted: found == wanted,", "compares with case"),
    ("C9", "StringEquals", "lambda found, wanted: matches(wanted, found),", "knows * and ?"),
    ("C9", "StringLike", "lambda found, wanted: found == wanted,", "knows neither * nor ?"),
    ("C10", "ArnEquals", "lambda found, wanted: found == wanted,", "knows neither * nor ?"),
    ("C11", "NumericLessThan", "lambda found, wanted: found < wanted,", "compares texts"),
    ("C11", "NumericGreaterThan", "lambda found, wanted: found > wanted,", "compares texts"),
    ("C11", "NumericLessThan", "_numeric(lambda found, wanted: found <= wanted),", "includes the limit"),
    ("C11", "NumericLessThanEquals", "_numeric(lambda found, wanted: found < wanted),", "excludes the limit"),
    ("C11", "NumericGreaterThan", "_numeric(lambda found, wanted: found >= wanted),", "includes the limit"),
    ("C11", "NumericGreaterThanEquals", "_numeric(lambda found, wanted: found > wanted),", "excludes the limit"),
    ("C11", "IpAddress", "lambda found, wanted: found == wanted,", "compares texts"),
]


def _instead(branches: str, operator: str, new: str, meaning: str) -> Mutant:
    start = f'    "{operator}": '
    old = f"{start}{_COMPARISONS[operator]}\n"
    by = probe("conditions", f"test_condition_holds_or_not and {operator}")
    if (operator, new) == ("DateEquals", _NEVER):
        by = ("test_conditions.py", "test_operator_compares_as_documented")  # nobody can ask at an instant
    return _C(branches, f"{operator} {meaning}", old=old, new=f"{start}{new}\n", by=by)


# fmt: off
MUTANTS = [
    *(_instead("C6 C7", operator, _ALWAYS, "is always satisfied") for operator in _COMPARISONS),
    *(_instead("C6 C7", operator, _NEVER, "is never satisfied") for operator in _COMPARISONS),
    *(_instead(*row) for row in _INSTEAD),
    _C("C1", "an absent key passes a positive operator", old=_ABSENT, new='return condition.quantifier == ""'),
    _C("C2", "an absent key fails a negated operator", old=_ABSENT, new="return False"),
    _C("C3", "IfExists is not read", old="if condition.if_exists or condition.quantifier",
       new="if condition.quantifier"),
    _C("C3", "every operator is IfExists", old="if condition.if_exists or condition.quantifier",
       new="if True or condition.quantifier"),
    _C("C4", "an absent key fails ForAllValues",
       old='if condition.if_exists or condition.quantifier == "ForAllValues":',
       new="if condition.if_exists:"),
    _C("C4", "an absent key passes ForAnyValue", old='condition.quantifier == "ForAllValues"',
       new='condition.quantifier.startswith("For")'),
    _C("C4", "an absent key passes a negated ForAnyValue", old=_ABSENT, new="return negated"),
    _C("C5", "Null is turned round", old='(value.lower() == "true") == (found is None)',
       new='(value.lower() == "true") != (found is None)'),
    _C("C5", "Null is always satisfied", old="return any((value.lower()", new="return True or any((value.lower()"),
    _C("C6", "a positive operator needs every value", old=_HOLDS,
       new="return any(test(found, value) for value in condition.values) != negated if negated else "
           "all(test(found, value) for value in condition.values)"),
    _C("C7", "a negated operator needs one value not to fit", old=_HOLDS,
       new="return any(test(found, value) != negated for value in condition.values)"),
    _C("C7", "negated operators are not turned round", old=_HOLDS,
       new="return any(test(found, value) for value in condition.values)"),
    _C("C12", "an unknown operator is skipped", old='raise NotModelledError(f"the condition operator {name}")  # C12',
       new="continue", by=("test_conditions.py", "test_unknown_operator_is_not_modelled")),
    _C("C13", "an unknown key is let through", old='raise NotModelledError(f"the condition key {key}")  # C13',
       new="pass", by=("test_conditions.py", "test_unknown_key_is_not_modelled")),
    _C("C14", "a policy variable in a condition is a literal", old='raise NotModelledError("policy variables")  # C14',
       new="pass", by=("test_conditions.py", "test_policy_variable_is_not_modelled")),
    _C("C8", "names of keys are compared with case", old="if_exists, key.lower(), texts)", new="if_exists, key, texts)",
       by=probe("conditions", "test_key_names_are_compared")),
    _W("C9", "* stands for nothing but itself", old='parts = {"*": ".*", "?": "."}', new='parts = {"?": "."}',
       by=probe("conditions", "test_condition_holds_or_not")),
    _W("C9", "? stands for any run", old='"?": "."', new='"?": ".*"', by=probe("permissions", "test_question_mark")),
    _W("A3", "a pattern need not fit the whole", old=".fullmatch(value)", new=".match(value)",
       by=probe("permissions", "test_question_mark")),
    _W("A3", "letters are compared without case", old="re.DOTALL)", new="re.DOTALL | re.IGNORECASE)",
       by=probe("permissions", "test_put_outside_the_prefix")),
    _W("C10", "a * of an ARN reaches over colons", old="return len(wanted) == len(found) == 6 and all",
       new="return matches(pattern, value) or all", by=("test_conditions.py", "test_operator_compares_as_documented")),
    # The grammar.
    _G("G1", "an unknown element is skipped", old="if set(value) - ELEMENTS or value", new="if value"),
    _G("G1", "any other Effect is an Allow", old='or value.get("Effect") not in ("Allow", "Deny")', new=""),
    _G("G2", "NotPrincipal is skipped", old='raise NotModelledError("NotPrincipal")  # G2',
       new='value = {**value, "Principal": "*"}; del value["NotPrincipal"]', by=_501),
    _G("G3", "an unknown kind of principal is nobody", old='raise NotModelledError(f"principals of kind {kind}")  # G3',
       new="continue", by=_501),
    _G("G4", "Action and NotAction may stand together",
       old='raise _malformed("A statement needs either Action or NotAction.")  # G4', new="pass"),
    _G("G5", "Resource and NotResource may stand together",
       old='raise _malformed("A statement needs either Resource or NotResource.")  # G5', new="pass"),
    _G("G6", "a trust policy may have a Resource", old='raise _malformed("Has prohibited field Resource.")  # G6',
       new="pass"),
    _G("G7", "Principal may stand anywhere, or nowhere",
       old='raise _malformed("Principal belongs in trust and resource policies, and only there.")  # G7', new="pass"),
    _G("G8", "an account number is not the account's root", old="if re.fullmatch(r\"\\d{12}\", item) else item  # G8",
       new="if False else item", by=probe("trust", "test_account_root_principal_works")),
    _G("G9", "a service is a principal like any other", old="continue  # G9", new="pass",
       by=("test_policies.py", "test_services_and_federations")),
    _G("G10", "a principal may hold wildcards", old='raise _malformed("Invalid principal in policy.")  # G10',
       new="pass"),
    _G("G11", "a policy variable in a resource is a literal", old='raise NotModelledError("policy variables")  # G11',
       new="pass", by=_501),
]
