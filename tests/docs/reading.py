"""The documents as a reader takes them in: code blocks and what is said of them, commands, links, sentences."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.docs.generated import ROOT

_COMMENT = re.compile(r"<!--\s*(.*?)\s*-->", re.DOTALL)


class Block(msgspec.Struct, frozen=True):
    """A code block. `note`: the HTML comment right before it, which says what the block is."""

    document: str
    line: int
    language: str
    text: str
    note: str

    @property
    def place(self) -> str:
        return f"{self.document}:{self.line}"


class Command(msgspec.Struct, frozen=True):
    """What is typed, and what the document shows of the output."""

    text: str
    shown: str


@cache
def tokens(document: Path) -> tuple[Token, ...]:
    return tuple(MarkdownIt("commonmark").enable("table").parse(document.read_text(encoding="utf-8")))


def blocks(document: Path) -> Iterator[Block]:
    name = document.relative_to(ROOT).as_posix()
    note = ""
    for token in tokens(document):
        if token.type in ("fence", "code_block"):
            assert token.map is not None
            yield Block(name, token.map[0] + 1, token.info, token.content, note)
        comment = _COMMENT.fullmatch(token.content.strip()) if token.type == "html_block" else None
        note = comment[1] if comment else ""


def commands(block: Block) -> Iterator[Command]:
    """The commands of a console block: each begins with `$ ` and goes on while a quote or a backslash is open."""
    typed, shown = "", ""
    for line in block.text.splitlines(keepends=True):
        if typed and _is_open(typed):
            typed += line
        elif line.startswith("$ "):
            if typed:
                yield Command(typed, shown)
            typed, shown = line[2:], ""
        else:
            assert typed, f"{block.place}: a console block begins with a command ($ …)"
            shown += line
    yield Command(typed, shown)


def _is_open(typed: str) -> bool:
    if typed.endswith("\\\n"):
        return True
    try:
        shlex.split(typed)
    except ValueError:
        return True
    return False


def inline(document: Path) -> Iterator[Token]:
    """The parts of all sentences: text, code, links, pictures."""
    for token in tokens(document):
        yield from token.children or ()


def spoken_code(document: Path) -> Iterator[str]:
    """Code within sentences."""
    return (token.content for token in inline(document) if token.type == "code_inline")


def tables(document: Path) -> Iterator[list[list[str]]]:
    """Every table as rows of cells, the head first."""
    rows: list[list[str]] = []
    for before, token in zip(("", *(t.type for t in tokens(document))), tokens(document), strict=False):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and before in ("td_open", "th_open"):
            rows[-1].append(token.content)
        elif token.type == "table_close":
            yield rows
            rows = []


def anchors(document: Path) -> set[str]:
    """What `#…` can point to."""
    pairs = zip(tokens(document), tokens(document)[1:], strict=False)
    titles = (title.content for heading, title in pairs if heading.type == "heading_open")
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
