"""HTTP for the commands that call servers: what goes wrong is said in a line or two, without a traceback."""

from typing import Any

import click
import requests

SECONDS = 30.0


class Failure(click.ClickException):
    """What went wrong and what to do, on the terminal; exit code 1."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what + (f"\n{remedy}" if remedy else ""))


class Client:
    """JSON over HTTP, with a bearer token for those who want one. No proxy, no .netrc of the environment."""

    def __init__(self, token: str | None = None, seconds: float = SECONDS) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update({"User-Agent": "nam-cds", "Accept": "application/json"})
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"
        self._seconds = seconds

    def send(self, method: str, url: str, **arguments: Any) -> requests.Response:
        """The answer, whatever its status. Raises Failure when there is none."""
        try:
            return self._session.request(method, url, timeout=self._seconds, **arguments)
        except (requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL):
            raise Failure(f"{url} is no web address.", "Give it with http:// or https://.") from None
        except requests.exceptions.SSLError:
            raise Failure(f"{_origin(url)} has a certificate that cannot be trusted.") from None
        except requests.Timeout:
            raise Failure(f"{_origin(url)} did not answer within {self._seconds:g} seconds.") from None
        except requests.RequestException:
            raise Failure(f"{_origin(url)} cannot be reached.", "Is it running, and is the address right?") from None

    def json(self, method: str, url: str, **arguments: Any) -> Any:
        """The JSON of a 200 answer. Raises Failure for anything else."""
        answer = self.send(method, url, **arguments)
        if answer.status_code != 200:
            raise Failure(f"{method} {url} was answered with {answer.status_code}.", outcome(answer))
        return body_of(answer)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()


def body_of(answer: requests.Response) -> Any:
    """The answer's JSON. Raises Failure."""
    try:
        return answer.json()
    except requests.exceptions.JSONDecodeError:
        kind = answer.headers.get("Content-Type", "nothing")
        raise Failure(f"{answer.url} did not answer with JSON, but with {kind}.", "Is the address right?") from None


def outcome(answer: requests.Response) -> str:
    """What an OperationOutcome says; empty if the answer is none."""
    try:
        issues = answer.json()["issue"]
        return "\n".join(map(_issue, issues))
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""


def _issue(issue: Any) -> str:
    text = (issue.get("details") or {}).get("text") or ""
    where = ", ".join(issue.get("expression") or ())
    parts = (f"{where}:" if where else "", text, issue.get("diagnostics") or "")
    return " ".join(part for part in parts if part)


def _origin(url: str) -> str:
    return "/".join(url.split("/")[:3])
