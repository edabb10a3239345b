"""Reading pages strictly: elements that are not closed, or closed in the wrong order, are errors."""

from collections import deque
from html.parser import HTMLParser
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
LOADING = frozenset({"src", "srcset", "poster", "data", "background"})
SENDING = frozenset({"action", "formaction"})


def json_of(answer: TestResponse) -> Any:
    """The JSON of an answer."""
    return answer.get_json()


class Page(HTMLParser):
    """A page's elements and text. Raises AssertionError where it is not well-formed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.titles = 0
        """Of the page itself; shapes of drawings have titles too."""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"not closed: {self._open}"
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"an attribute of {tag} comes twice"
        self.titles += tag == "title" and "svg" not in self._open
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open[-1] == tag, f"</{tag}> closes <{self._open[-1]}> at {self.getpos()}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data + " "

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of each element of this name."""
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def links(self) -> list[str]:
        return [attributes["href"] for attributes in self.all("a")]

    @property
    def loaded(self) -> list[str]:
        """Every address that a browser loads by itself."""
        addresses = [attributes["href"] for attributes in self.all("link")]
        return addresses + [
            value for _, attributes in self.elements for name, value in attributes.items() if name in LOADING
        ]

    @property
    def sent_to(self) -> list[str]:
        """Every address that a form is sent to."""
        return [value for _, attributes in self.elements for name, value in attributes.items() if name in SENDING]

    @property
    def handlers(self) -> list[str]:
        return [name for _, attributes in self.elements for name in attributes if name.startswith("on")]


def crawl(client: FlaskClient) -> dict[str, Page]:
    """Every page that links lead to from the start page; of those to try a patient with changes one of each kind."""
    found: dict[str, Page] = {}
    tried: dict[int, str] = {}
    waiting = deque(["/"])
    while waiting:
        address = waiting.popleft().split("#")[0].removeprefix("http://127.0.0.1:8080")
        if not address or address in found or not address.startswith("/"):
            continue
        if address.startswith(("/fhir/", "/static/")) and address != "/fhir/Patient":
            continue
        if address.startswith("/try/") and tried.setdefault(address.count("/"), address) != address:
            continue
        answer = client.get(address, headers={"Accept": "text/html"})
        assert answer.status_code == 200, address
        if answer.mimetype == "text/html":
            found[address] = Page(answer.text)
            waiting.extend(found[address].links)
    return found
