"""Everything that can go wrong, and how it is told.

    ServiceError                 500  (never raised itself)
    ├── BadRequest               400
    │   ├── NotJson              400  not-json
    │   ├── InvalidRequest       400  invalid-request
    │   ├── HookMismatch         400  hook-mismatch
    │   ├── LaunchRefused        400  launch-refused
    │   └── PatientMismatch      400  patient-mismatch
    ├── Unauthorized             401  unauthorized
    ├── LoginRequired            401  login-required
    ├── Forbidden                403  forbidden
    ├── CrossSite                403  cross-site
    ├── NoSession                403  no-session
    ├── NotFound                 404  not-found
    │   └── UnknownService       404  unknown-service
    ├── MethodNotAllowed         405  method-not-allowed
    ├── AlreadyAnswered          409  already-answered
    ├── DataUnavailable          412  data-unavailable
    │   └── ForeignData          412  patient-mismatch
    ├── BodyTooLarge             413  body-too-large
    ├── UnsupportedMediaType     415  unsupported-media-type
    ├── TooManyCalls             429  too-many-calls
    │   └── TooManyLogins        429  too-many-logins
    ├── LaunchFailed             502  launch-failed
    ├── StoreUnavailable         503  store-unavailable
    ├── OtherHttpError           any other 4xx the web framework answers: http-error
    └── InternalError            500  internal-error

    SettingsError                     the service does not start
    CatalogueError                    the service does not start

The codes are stable. Each answer is an OperationOutcome (CH-STAT-10) that says what was wrong, where, and what to do;
values of the request are never repeated in it, as they may be patient data.
"""

from typing import ClassVar

import msgspec

CODE_SYSTEM = "urn:nam-cds:error"
"""The system of the stable codes in `issue.details.coding`."""


class Issue(msgspec.Struct, frozen=True):
    """One thing that was wrong: `where` is a path such as `context.patientId`, `remedy` says what to do."""

    text: str
    where: str = ""
    remedy: str = ""


class ServiceError(Exception):
    """A request that cannot be answered with cards."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal-error"
    issue_type: ClassVar[str] = "exception"
    """A code of FHIR's issue-type value set."""

    def __init__(self, text: str, where: str = "", remedy: str = "") -> None:
        super().__init__(text)
        self.issues: tuple[Issue, ...] = (Issue(text, where, remedy),)
        self.headers: dict[str, str] = {}
        """What the answer carries beside its body."""


class BadRequest(ServiceError):
    status = 400
    code = "invalid-request"
    issue_type = "invalid"


class NotJson(BadRequest):
    """The body is not JSON as RFC 8259 has it, without duplicate keys (CH-GEN-11)."""

    code = "not-json"
    issue_type = "structure"


class InvalidRequest(BadRequest):
    """A member is missing or of the wrong type."""


class HookMismatch(BadRequest):
    """The service exists, but not for this hook (CH-REQ-03)."""

    code = "hook-mismatch"
    issue_type = "not-supported"


class PatientMismatch(BadRequest):
    """The prefetch holds data of somebody else (CH-PF-18)."""

    code = "patient-mismatch"


class LaunchRefused(BadRequest):
    """The SMART app was opened in a way in which it does not open."""

    code = "launch-refused"
    issue_type = "security"


class Unauthorized(ServiceError):
    """Nobody is known to call. The answer is the same whatever the reason, which is for the log (CH-JWT-18)."""

    status = 401
    code = "unauthorized"
    issue_type = "login"

    def __init__(self, reason: str) -> None:
        super().__init__(
            "The call is not authenticated.", "Authorization", "Send a valid CDS Hooks token: Authorization: Bearer …"
        )
        self.reason = reason
        self.headers = {"WWW-Authenticate": "Bearer"}


class Forbidden(ServiceError):
    """A known client that may not call this service, or not for this tenant (CH-STAT-05)."""

    status = 403
    code = "forbidden"
    issue_type = "forbidden"

    def __init__(self) -> None:
        super().__init__(
            "This client may not make this call.", remedy="Ask this service's operator to allow service and tenant."
        )


class LoginRequired(ServiceError):
    """Nobody, or nobody who may, has logged in to the console. The answer is the same whatever the reason."""

    status = 401
    code = "login-required"
    issue_type = "login"

    def __init__(self) -> None:
        super().__init__("This page is for those who may log in.", "Authorization", "Log in with name and password.")
        self.headers = {"WWW-Authenticate": 'Basic realm="NAM-CDS console", charset="UTF-8"'}


class CrossSite(ServiceError):
    """A form that was sent by a page of another site, in the name of whoever sits before the browser."""

    status = 403
    code = "cross-site"
    issue_type = "forbidden"

    def __init__(self, public_url: str) -> None:
        super().__init__(
            "This form was sent from a page of another address, so nothing was done.",
            remedy=f"Open the page at {public_url}/ and send it from there.",
        )


class NoSession(ServiceError):
    """The SMART app was not opened from a chart, or too long ago."""

    status = 403
    code = "no-session"
    issue_type = "login"


class NotFound(ServiceError):
    status = 404
    code = "not-found"
    issue_type = "not-found"


class UnknownService(NotFound):
    code = "unknown-service"


class MethodNotAllowed(ServiceError):
    """`allow` lists the methods which are."""

    status = 405
    code = "method-not-allowed"
    issue_type = "not-supported"

    def __init__(self, allow: tuple[str, ...]) -> None:
        super().__init__("This address does not take this method.", remedy=f"Use one of: {', '.join(allow)}.")
        self.headers = {"Allow": ", ".join(allow)}


class AlreadyAnswered(ServiceError):
    """On a page: what is said of a card was said before, or contradicts it. The protocol takes it nevertheless."""

    status = 409
    code = "already-answered"
    issue_type = "conflict"

    def __init__(self, remedy: str) -> None:
        super().__init__("This card has been answered already, so nothing was sent.", "card", remedy)


class DataUnavailable(ServiceError):
    """Required data could be had neither by prefetch nor from the FHIR server (CH-PF-02)."""

    status = 412
    code = "data-unavailable"
    issue_type = "incomplete"

    def __init__(self, issues: tuple[Issue, ...]) -> None:
        super().__init__("; ".join(issue.text for issue in issues))
        self.issues = issues


class ForeignData(DataUnavailable):
    """The FHIR server answered with data of somebody else."""

    code = "patient-mismatch"
    issue_type = "conflict"


class BodyTooLarge(ServiceError):
    status = 413
    code = "body-too-large"
    issue_type = "too-long"


class UnsupportedMediaType(ServiceError):
    status = 415
    code = "unsupported-media-type"
    issue_type = "not-supported"


class TooManyCalls(ServiceError):
    """More calls than one client may make; `seconds` until the next may come."""

    status = 429
    code = "too-many-calls"
    issue_type = "throttled"

    def __init__(self, seconds: int) -> None:
        super().__init__(
            "There are too many calls. No advice was given.", remedy=f"Call again in {seconds} s; see Retry-After."
        )
        self.headers = {"Retry-After": str(seconds)}


class TooManyLogins(TooManyCalls):
    """More attempts to log in than one address may make."""

    code = "too-many-logins"

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.issues = (Issue("There were too many attempts to log in.", remedy=f"Try again in {seconds} s."),)


class LaunchFailed(ServiceError):
    """The record system that launches the SMART app does not do its part."""

    status = 502
    code = "launch-failed"
    issue_type = "processing"


class StoreUnavailable(ServiceError):
    """What was sent could not be kept."""

    status = 503
    code = "store-unavailable"
    issue_type = "transient"

    def __init__(self, text: str, where: str = "", remedy: str = "") -> None:
        super().__init__(text, where, remedy)
        self.headers = {"Retry-After": "30"}


class OtherHttpError(ServiceError):
    """A refusal by the web framework that has no class of its own; its `status` is that of the instance."""

    code = "http-error"
    issue_type = "processing"

    def __init__(self, http_status: int) -> None:
        super().__init__("The request was refused before it reached a service.")
        self.http_status = http_status


class InternalError(ServiceError):
    """A defect of ours. The log has the place; the answer has not."""

    def __init__(self) -> None:
        super().__init__(
            "The service failed while working on this request. No advice was given.",
            remedy="Do not read this as 'nothing to advise'. Report the time of the call to the service's operator.",
        )


class SettingsError(ValueError):
    """A setting has a value that cannot be used; the message names the variable."""


class CatalogueError(ValueError):
    """The services that were registered cannot be offered; the message names the service."""


class _Coding(msgspec.Struct, frozen=True):
    system: str
    code: str


class _Details(msgspec.Struct, frozen=True):
    coding: tuple[_Coding, ...]
    text: str


class _OutcomeIssue(msgspec.Struct, frozen=True, omit_defaults=True):
    severity: str
    code: str
    details: _Details
    diagnostics: str = ""
    expression: tuple[str, ...] = ()


class _OperationOutcome(msgspec.Struct, frozen=True, rename="camel"):
    resource_type: str
    issue: tuple[_OutcomeIssue, ...]


def render(error: ServiceError) -> bytes:
    """The error as the JSON of an OperationOutcome."""
    issues = tuple(
        _OutcomeIssue(
            severity="error",
            code=error.issue_type,
            details=_Details(coding=(_Coding(CODE_SYSTEM, error.code),), text=issue.text),
            diagnostics=issue.remedy,
            expression=(issue.where,) if issue.where else (),
        )
        for issue in error.issues
    )
    return msgspec.json.encode(_OperationOutcome("OperationOutcome", issues))
