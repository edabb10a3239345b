"""The headers that every answer has, whatever it is: pages, cards, errors (CH-SEC-01, CH-SEC-09)."""

from urllib.parse import urlsplit

from flask import Flask, Response, g

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing but our own style sheet and pictures is loaded, and no script runs, whatever a page holds."""

_FEATURES = (
    "accelerometer",
    "autoplay",
    "camera",
    "display-capture",
    "encrypted-media",
    "fullscreen",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "picture-in-picture",
    "publickey-credentials-get",
    "screen-wake-lock",
    "usb",
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",  # calls by CORS, which allows some origins, are not subject to it
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _FEATURES),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
FORMS = {
    "Content-Security-Policy": POLICY.replace("form-action 'none'", "form-action 'self'"),
    "Referrer-Policy": "same-origin",  # without it browsers send forms with the origin "null"
}
"""In place of these, for pages with forms, which go to this service alone."""
_YEAR = 365 * 24 * 60 * 60


def allow_frames(origins: tuple[str, ...]) -> None:
    """The page that is being answered may be shown in frames by pages of these origins."""
    g.frames = origins


def allow_forms() -> None:
    """The page that is being answered may send forms."""
    g.forms = True


def secure(app: Flask, public_url: str) -> None:
    """Set the headers on every answer of the application. What says nothing of caches is kept by none."""
    headers = dict(HEADERS)
    if urlsplit(public_url).scheme == "https":
        headers["Strict-Transport-Security"] = f"max-age={_YEAR}"

    @app.after_request
    def safe(response: Response) -> Response:
        response.headers.update(headers)
        if g.get("forms"):
            response.headers.update(FORMS)
        if origins := g.get("frames"):
            _frame(response, origins)
        if "Cache-Control" not in response.headers:
            response.cache_control.no_store = True
        return response


def _frame(response: Response, origins: tuple[str, ...]) -> None:
    policy = response.headers["Content-Security-Policy"]
    allowed = f"frame-ancestors {' '.join(origins)}"
    response.headers["Content-Security-Policy"] = policy.replace("frame-ancestors 'none'", allowed)
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    del response.headers["X-Frame-Options"]  # it knows no origins
