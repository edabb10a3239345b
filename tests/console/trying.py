"""The pages under /try, as somebody uses them: a form is read from its page, filled in, and sent."""

from collections.abc import Mapping
from html.parser import HTMLParser
from io import BytesIO
from typing import Any

from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from tests.web.html_pages import Page


class Filled(HTMLParser):
    """The form of a page: what a browser would send if nothing were touched, and how its inputs are labelled."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.values: dict[str, str] = {}
        self.ids: dict[str, str] = {}
        self.legends: dict[str, str] = {}
        self._select = self._legend = ""
        self._first = self._in_legend = self._in_text = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "legend":
            self._legend, self._in_legend = "", True
        if tag in ("input", "select", "textarea") and name:
            self.ids[given.get("id", "")] = name
            self.legends[name] = self._legend
        if tag == "input" and (given["type"] in ("text", "date", "hidden") or "checked" in given):
            self.values[name] = given.get("value", "")
        elif tag == "select":
            self._select, self._first = name, True
        elif tag == "textarea":
            self.values[name], self._select, self._in_text = "", name, True
        elif tag == "option" and (self._first or "selected" in given):
            self._first = False
            self.values[self._select] = given.get("value", "\0")

    def handle_endtag(self, tag: str) -> None:
        self._in_legend = self._in_legend and tag != "legend"
        self._in_text = self._in_text and tag != "textarea"

    def handle_data(self, data: str) -> None:
        if self._in_legend:
            self._legend += data
        elif self._in_text:
            self.values[self._select] += data
        elif self._select and self.values.get(self._select) == "\0":
            self.values[self._select] = data

    def named(self, legend: str, path: str) -> str:
        """The input of the one fact whose title begins so, by the end of its name."""
        (found,) = [n for n, title in self.legends.items() if title.startswith(legend) and n.endswith(f":{path}")]
        return found


class Tried:
    """An answer under /try."""

    def __init__(self, answer: TestResponse) -> None:
        self.answer = answer
        self.html = answer.text
        self.page = Page(answer.text)
        self.form = Filled(answer.text)

    @property
    def moves(self) -> dict[str, list[str]]:
        """The summaries of cards by what became of them."""
        found: dict[str, list[str]] = {}
        for part in self.html.split('<li class="move ')[1:]:
            move, title = part.partition('"')[0], part.partition('class="title">')[2].partition("</span>")[0]
            found.setdefault(move, []).append(title)
        return found

    @property
    def problems(self) -> list[str]:
        """The texts of the error summary."""
        summary = self.html.partition('class="box errors"')[2].partition("</section>")[0]
        return [one.partition(">")[2].partition("</a>")[0] for one in summary.split("<a ")[1:]]


def opened(client: FlaskClient, patient_id: str) -> Tried:
    """A patient of the demonstration, to be changed."""
    return Tried(client.get(f"/try/{patient_id}"))


def sent(client: FlaskClient, values: Mapping[str, Any]) -> Tried:
    """A form that is sent as a browser does."""
    body, headers = multipart(values)
    return Tried(client.post("/try", data=body, headers=headers))


def multipart(values: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    """The body of a form, and its headers. The test client would leave a file behind for a large one."""
    boundary, body = encode_multipart(values)
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def changed(client: FlaskClient, before: Tried, **more: Any) -> Tried:
    """The form of a page with some of its inputs filled in otherwise."""
    return sent(client, before.form.values | more)


def pasted(client: FlaskClient, text: str, day: str = "2026-11-22") -> Tried:
    """The first page, with a text in it."""
    return sent(client, {"text": text, "day": day})


def uploaded(client: FlaskClient, content: bytes, day: str = "2026-11-22") -> Tried:
    """The first page, with a file."""
    return sent(client, {"text": "", "day": day, "file": FileStorage(BytesIO(content), "chart.json")})
