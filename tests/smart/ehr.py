"""A record system on loopback: charts behind a bearer token, and an authorization server on Authlib's server side.

It launches apps as SMART App Launch says: `/.well-known/smart-configuration` under its FHIR base, PKCE verified, codes
good for once, the patient of the launch beside the token. What it does wrong is what a test tells it to.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import msgspec
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6749.util import scope_to_list
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from authlib.oauth2.rfc7636 import CodeChallenge
from flask import Flask, Response, jsonify, request
from joserfc import jwt
from werkzeug.serving import make_server

import fixtures
from cds_service.demo import fhir

CLIENT_ID, SECRET = "nam-cds-at-st-elsewhere", "client-secret-58213"


class Serving:
    """A WSGI application on loopback, in a thread."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        self._server = make_server("127.0.0.1", 0, self._wsgi, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.app: Any = None
        self.base = f"http://127.0.0.1:{self._server.port}"
        self._thread.start()

    def _wsgi(self, environ: Any, start_response: Any) -> Any:
        return self.app(environ, start_response)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Launch(msgspec.Struct):
    patient: str
    app_context: str | None = None


class Code(msgspec.Struct):
    """A code as Authlib's grant asks for it."""

    code: str
    client_id: str
    redirect_uri: str
    scope: str
    code_challenge: str | None
    code_challenge_method: str | None
    launch: Launch

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


class App(ClientMixin):  # type: ignore[misc]
    """The app as it is registered here. `method`: how it proves who it is."""

    def __init__(self) -> None:
        self.client_id = CLIENT_ID
        self.redirect_uris: tuple[str, ...] = ()
        self.method = "none"
        self.scopes_known: Callable[[str], bool] = lambda scope: True
        self.public_key: dict[str, Any] = {}

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        return self.redirect_uris[0]

    def get_allowed_scope(self, scope: str) -> str:
        return " ".join(one for one in scope_to_list(scope) if self.scopes_known(one))

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == self.method

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


class _Grant(AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("none", "client_secret_basic", "private_key_jwt")

    def save_authorization_code(self, code: str, asked: Any) -> None:
        data = asked.payload.data
        self.server.ehr.codes[code] = Code(
            code,
            CLIENT_ID,
            data["redirect_uri"],
            self.server.ehr.client.get_allowed_scope(data["scope"]),
            data.get("code_challenge"),
            data.get("code_challenge_method"),
            self.server.ehr.launches[data["launch"]],
        )

    def query_authorization_code(self, code: str, client: App) -> Code | None:
        codes: dict[str, Code] = self.server.ehr.codes
        return codes.get(code)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        del self.server.ehr.codes[authorization_code.code]

    def authenticate_user(self, authorization_code: Code) -> str:
        return "Practitioner/ehr-user"

    def create_token_response(self) -> Any:
        launch = self.request.authorization_code.launch
        status, token, headers = super().create_token_response()
        self.server.ehr.tokens[token["access_token"]] = launch
        self.server.ehr.scopes_of[token["access_token"]] = token["scope"]
        token |= {"patient": launch.patient, "need_patient_banner": True}
        if launch.app_context is not None:
            token["appContext"] = launch.app_context
        return status, token, headers


class _Signed(JWTBearerClientAssertion):  # type: ignore[misc]
    CLIENT_AUTH_METHOD = "private_key_jwt"

    def __init__(self, token_endpoint: str) -> None:
        super().__init__()
        self._token_endpoint = token_endpoint

    def get_audiences(self) -> list[str]:
        return [self._token_endpoint]

    def process_assertion_claims(self, assertion: str, resolve_key: Any) -> Any:
        """With the algorithms, and for the time, that SMART has."""
        token = jwt.decode(assertion, resolve_key, algorithms=["ES384", "RS384"])
        self.verify_claims(token.claims)
        return token.claims

    def validate_jti(self, claims: Any, jti: str) -> bool:
        return bool(claims["exp"] <= time.time() + 300)

    def resolve_client_public_key(self, client: App) -> dict[str, Any]:
        return client.public_key


class _Server(AuthorizationServer):  # type: ignore[misc]
    def __init__(self, ehr: "Ehr", app: Flask) -> None:
        self.ehr = ehr
        super().__init__(app, self._client, lambda token, asked: None)
        self.register_grant(_Grant, [CodeChallenge(required=True)])
        self.register_client_auth_method(_Signed.CLIENT_AUTH_METHOD, _Signed(f"{ehr.base}/token"))

    def _client(self, client_id: str) -> App | None:
        return self.ehr.client if client_id == CLIENT_ID else None


class Ehr(Serving):
    """`base` is its address, `iss` its FHIR base. `requests`: what was asked of it, as method and path."""

    def __init__(self) -> None:
        super().__init__()
        self.iss = f"{self.base}/fhir"
        self.client = App()
        self.launches: dict[str, Launch] = {}
        self.codes: dict[str, Code] = {}
        self.tokens: dict[str, Launch] = {}
        self.scopes_of: dict[str, str] = {}
        self.asked: list[dict[str, str]] = []
        """The parameters of each authorization request."""
        self.requests: list[tuple[str, str]] = []
        self.configuration: dict[str, Any] | Callable[[], Any] = {
            "issuer": self.base,
            "authorization_endpoint": f"{self.base}/authorize",
            "token_endpoint": f"{self.base}/token",
            "grant_types_supported": ["authorization_code"],
            "code_challenge_methods_supported": ["S256"],
            "capabilities": ["launch-ehr", "context-ehr-patient", "permission-patient", "permission-v2"],
        }
        self.answer_token: Callable[[Response], Any] = lambda response: response
        """What becomes of the token endpoint's answer."""
        self.answer_authorization: Callable[[Response], Any] = lambda response: response
        self.other_chart: str | None = None
        """Whose data are given out in place of those asked for."""
        self.app = self._application()

    def launch(self, patient: str, app_context: str | None = None) -> dict[str, str]:
        """The parameters that a launch begins with, for this patient's chart."""
        handle = secrets.token_urlsafe(12)
        self.launches[handle] = Launch(patient, app_context)
        return {"iss": self.iss, "launch": handle}

    def forget_tokens(self) -> None:
        """From now on no token is good."""
        self.tokens.clear()

    def _application(self) -> Flask:
        app = Flask("ehr")
        server = _Server(self, app)

        @app.before_request
        def noted() -> Any:
            self.requests.append((request.method, request.path))
            if request.path.startswith("/fhir/") and not request.path.endswith("/smart-configuration"):
                return self._refusal()
            return None

        @app.get("/fhir/.well-known/smart-configuration")
        def configured() -> Any:
            return self.configuration() if callable(self.configuration) else jsonify(self.configuration)

        @app.get("/authorize")
        def authorize() -> Any:
            self.asked.append(request.args.to_dict())
            if request.args.get("aud") != self.iss or request.args.get("launch") not in self.launches:
                return Response("no such launch", 400)
            user = "Practitioner/ehr-user"
            grant = server.get_consent_grant(end_user=user)
            return self.answer_authorization(server.create_authorization_response(grant_user=user, grant=grant))

        @app.post("/token")
        def token() -> Any:
            return self.answer_token(server.create_token_response())

        @app.get("/chart/<patient>")
        def chart(patient: str) -> str:
            """A chart with the link of a card in it, as the record system completes it."""
            url, context = request.args["app"], request.args.get("context")
            address = f"{url}?{urlencode(self.launch(patient, context))}".replace("&", "&amp;")
            return f'<!DOCTYPE html><title>Chart</title><h1>Chart</h1><a href="{address}">Timeline and reasons</a>'

        app.register_blueprint(fhir.blueprint(lambda: fixtures.ANCHOR))
        return app

    def _refusal(self) -> Response | None:
        """401 without a good token, 403 for what its scopes or its patient do not allow."""
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        launch = self.tokens.get(bearer)
        if launch is None:
            return Response(status=401)
        if self.other_chart is None and launch.patient not in request.full_path:
            return Response(status=403)
        type_ = request.path.split("/")[2]
        scopes = self.scopes_of[bearer].split()
        allowed = any(scope.partition(".")[0] == f"patient/{type_}" for scope in scopes)
        return None if allowed else Response(status=403)
