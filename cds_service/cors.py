"""Cross-origin calls from browsers (CH-SEC-04 to -07)."""

import re
from re import Pattern

from flask import Flask, Response
from flask_cors import CORS


def allow_origins(app: Flask, origins: tuple[str, ...]) -> None:
    """Answer preflights on every route, and mark every answer, errors too. Cookies are never allowed."""
    CORS(
        app,
        origins="*" if "*" in origins else [_pattern(origin) for origin in origins],
        methods=["GET", "POST", "OPTIONS"],
        allow_headers=["Authorization", "Content-Type", "Accept", "X-Request-ID", "traceparent", "tracestate"],
        expose_headers=["Allow", "ETag", "Retry-After", "WWW-Authenticate", "X-Request-ID"],
        supports_credentials=False,
        send_wildcard=True,
        always_send=False,
        max_age=600,
    )

    @app.after_request
    def vary(response: Response) -> Response:
        response.vary.add("Origin")  # also where no origin was sent: a cache must not give that answer to a browser
        return response


def _pattern(origin: str) -> Pattern[str]:
    if origin.endswith(":*"):
        return re.compile(re.escape(origin[:-2]) + r"(:\d+)?\Z", re.IGNORECASE)
    return re.compile(re.escape(origin.rstrip("/")) + r"\Z", re.IGNORECASE)
