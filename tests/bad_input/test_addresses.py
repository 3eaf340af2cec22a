"""Every address: which methods it takes, what it says to others, and to ids that are none."""

from __future__ import annotations

import pytest

from .conftest import ABSENT, Place
from .operations import PERSONS_ONLY, UNPOLISHED
from .refusals import ask, fault_of
from .routes import Face, Route, list_routes, routes_of

OURS = [face for face in Face if face not in (Face.ACCOUNTS, Face.DISCOVERY)]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "BREW")
NO_IDS = {
    "no id": "nonsense", "NUL": "%00", "not UTF-8": "%FF", "a very long one": "9" * 5000, "spaces": "%20",
    "a quote": "%27%22%3C", "dots": "..%2f..", "of nothing": ABSENT, "zero": "0", "too large a number": "9" * 25,
}  # fmt: skip


def test_every_address_belongs_to_a_face() -> None:
    assert [str(route) for route in list_routes() if route.face is None] == []
    assert {face: len(routes_of(face)) for face in Face if not routes_of(face)} == {}


@pytest.mark.parametrize("face", OURS)
def test_a_method_that_is_not_taken_is_405_with_allow_in_the_faces_own_shape(place: Place, face: Face) -> None:
    client, wrong, refused = place.client(face), {}, 0
    for route in routes_of(face):
        for method in METHODS:
            headers, path = place.headers(face), place.path(route)
            answer = ask(client.generic, method, path, headers=headers)
            fault = fault_of(answer, face)
            if answer.status_code == 405:
                refused += 1
                fault = fault if not route.pattern.startswith(UNPOLISHED) else ""
                if method in answer.headers["Allow"]:
                    fault = "Allow names the refused method"
                if answer.rows_changed:
                    fault = f"405 changed {answer.rows_changed}"
            elif method == "BREW":
                fault = f"BREW answered {answer.status_code}"
            if fault:
                wrong[f"{method} {route}"] = fault
    assert wrong == {}
    assert refused >= len(routes_of(face))


@pytest.mark.parametrize("face", OURS)
def test_what_is_no_id_is_404_and_never_a_failure(place: Place, face: Face) -> None:
    client, wrong = place.client(face), {}
    for route in routes_of(face):
        for parameter in route.parameters:
            for what, text in NO_IDS.items():
                path = place.path(route, {parameter: text})
                for method in ("GET", "POST"):
                    headers = place.headers(face)
                    answer = ask(client.generic, method, path, headers=headers)
                    fault = fault_of(answer, face) if not is_elsewhere(route, answer.status_code) else ""
                    if answer.status_code < 400 or answer.rows_changed:
                        fault = f"{answer.status_code} {answer.rows_changed}"
                    if fault:
                        wrong[f"{method} {route} with {what}"] = fault
    assert wrong == {}


def is_elsewhere(route: Route, status: int) -> bool:
    """Whether an id took us off the route: no address of ours, so the page of the whole site answers."""
    return status == 404 and route.face in (Face.LINK, Face.CONSENT)


@pytest.mark.parametrize("theirs", ["another workspace", "the other mode"])
@pytest.mark.parametrize("face", [Face.API, Face.SESSION])
def test_objects_of_elsewhere_are_404(place: Place, face: Face, theirs: str) -> None:
    client, wrong = place.client(face), {}
    for route in routes_of(face):
        mode = "live" if route.pattern.startswith("/live/") else "test"
        if "pk" not in route.parameters or (theirs == "another workspace" and "/endpoints/" in route.pattern):
            continue  # endpoints belong to no workspace
        is_team = route.pattern.removeprefix(f"/{mode}").startswith(PERSONS_ONLY)
        if is_team and theirs == "the other mode":
            continue  # a team is one in both modes
        if theirs == "another workspace":
            ids = place.ids(route, mode, place.zeta)
        else:
            ids = place.ids(route, "live" if mode == "test" else "test")
        path = place.path(route, {"pk": ids["pk"]})
        for method in ("GET", "POST", "PATCH", "DELETE"):
            headers = place.headers(face)
            answer = ask(client.generic, method, path, headers=headers)
            fault = fault_of(answer, face)
            refused_first = is_team and face is Face.API and method != "GET"  # no key changes any team
            if answer.status_code not in (404, 405, *([403] if refused_first else [])) or answer.rows_changed:
                fault = f"{answer.status_code} {answer.rows_changed}"
            is_told = answer.status_code == 404 and "mode: look there." in answer.json()["detail"]
            if answer.status_code == 404 and is_told != (
                face is Face.SESSION and theirs == "the other mode" and is_own(route)
            ):
                fault = f"the other mode is {'' if is_told else 'not '}named"
            if fault:
                wrong[f"{method} {route}"] = fault
    assert wrong == {}


def is_own(route: Route) -> bool:
    """Endpoints belong to a mode and to no application."""
    return "/endpoints/" not in route.pattern
