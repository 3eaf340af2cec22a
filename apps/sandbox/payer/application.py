"""The payer as a WSGI application: every route in one table, every refusal turned into its answer here.

Owns routing; refuses to hold rules of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from apps.sandbox.payer import control_views, fhir_views, oauth_views, pages, responses
from apps.sandbox.payer.control import BadKnobError
from apps.sandbox.payer.oauth import AskerError, RedirectError, TokenError
from apps.sandbox.payer.outcomes import Refusal
from apps.sandbox.payer.plans import PLANS
from apps.sandbox.payer.records import UnknownResourceError
from apps.sandbox.payer.state import Options, State

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

View = Callable[..., Response]


def healthz(state: State, request: Request) -> Response:
    """Say that the server answers."""
    return responses.json_document({"status": "ok"})


ROUTES: tuple[tuple[str, str, View], ...] = (
    ("GET", "/healthz", healthz),
    ("GET", "/<plan>/fhir/.well-known/smart-configuration", fhir_views.smart_configuration),
    ("GET", "/<plan>/fhir/metadata", fhir_views.metadata),
    ("GET", "/<plan>/fhir/<type_>", fhir_views.search),
    ("GET", "/<plan>/fhir/<type_>/<id_>", fhir_views.read),
    ("GET", "/<plan>/fhir/Patient/<id_>/$everything", fhir_views.everything),
    ("GET", "/<plan>/oauth/authorize", oauth_views.authorize),
    ("POST", "/<plan>/oauth/sign-in", oauth_views.sign_in),
    ("POST", "/<plan>/oauth/approve", oauth_views.approve),
    ("POST", "/<plan>/oauth/token", oauth_views.token),
    ("POST", "/_control/members/<login>", control_views.amend_member),
    ("POST", "/_control/faults", control_views.plan_faults),
    ("GET", "/_control/faults", control_views.show_faults),
    ("POST", "/_control/script", control_views.plan_script),
    ("POST", "/_control/reset", control_views.reset),
    ("GET", "/_control/log", control_views.show_log),
)


class Application:
    """One payer with all its plans; answers many requests at once."""

    def __init__(self, options: Options) -> None:
        self.state = State(options)
        self._routes = Map([Rule(path, methods=[method], endpoint=view) for method, path, view in ROUTES])

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        response = self._answer(request)
        query = request.query_string.decode("latin-1")
        self.state.log.add(request.method, request.path, query, response.status_code)
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        try:
            return self._dispatch(request)
        except Refusal as error:
            return responses.refusal(error)
        except AskerError as error:
            return responses.html(pages.dead_end_page(str(error)), status=400)
        except RedirectError as error:
            return responses.redirect(error.location)
        except TokenError as error:
            body = {"error": error.error, "error_description": str(error)}
            return responses.json_document(body, status=error.status)
        except BadKnobError as error:
            return responses.json_document({"error": str(error)}, status=400)
        except UnknownResourceError as error:
            return responses.json_document({"error": str(error)}, status=404)
        except HTTPException as error:
            nothing = Refusal("There is nothing here.", status=error.code or 500, code="not-supported")
            return responses.refusal(nothing)

    def _dispatch(self, request: Request) -> Response:
        view, arguments = self._routes.bind_to_environ(request.environ).match()
        given = dict(arguments)
        if "plan" in given:
            if given["plan"] not in PLANS:
                raise Refusal("There is no such plan.", status=404, code="not-found")
            given["plan"] = PLANS[given["plan"]]
        elif view is not healthz:
            control_views.check_local(request)
        response: Response = view(self.state, request, **given)
        return response
