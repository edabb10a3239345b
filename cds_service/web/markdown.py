"""GitHub-style Markdown to HTML: tables, no raw HTML, no pictures, no links but to web pages."""

from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")


def block(text: str) -> Markup:
    """A text of several paragraphs. HTML in it is shown, never used; tables fold into lists on narrow screens."""
    parser = _parser()
    tokens = parser.parse(text)
    _label_cells(tokens)
    return Markup(parser.renderer.render(tokens, parser.options, {}))  # noqa: S704 - the renderer escapes all text  # nosec B704


def line(text: str) -> Markup:
    """A text of one line, without a paragraph around it."""
    return Markup(_parser().renderInline(text))  # noqa: S704 - as above  # nosec B704


def _label_cells(tokens: list[Token]) -> None:
    """Mark tables and their cells for the style sheet, each cell with the heading of its column."""
    headings: list[str] = []
    column = 0
    for token, content in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "table_open":
            headings = []
            token.attrSet("class", "stacks")
        elif token.type == "tr_open":
            column = 0
        elif token.type == "th_open" and content:
            headings.append(content.content)
        elif token.type == "td_open":
            token.attrSet("data-label", headings[column])
            column += 1
