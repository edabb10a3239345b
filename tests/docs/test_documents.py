"""What the documents name is there, and what they list is what the program has."""

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from flask import Flask

from cds_service.app import create_app
from cds_service.cli.main import COMMANDS
from cds_service.errors import OtherHttpError, ServiceError
from cds_service.settings import TABLE, Settings
from hooks.knowledge import load
from hooks.knowledge.loading import DATA
from tests.browser.screenshots import PICTURES
from tests.cds_service.security.signing import clients_file
from tests.conformance.accounting import proofs, requirements
from tests.docs.generated import PARTS, ROOT, documents, parts_of, renewed
from tests.docs.machine import TARGETS, close
from tests.docs.reading import anchors, inline, spoken_code, tables

_PATH = re.compile(r"(cds_service|hooks|fixtures|tests|docs|bench|requirements|\.ci)/[\w./<>*-]*")
_ADDRESS = re.compile(r"(?:(GET|POST) )?(/[\w/-]*)")

each_document = pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """With everything that there is, the SMART app too."""
    smart = {"client_id": "nam-cds"}
    clients = clients_file(
        tmp_path_factory.mktemp("clients"), fhir_servers=["https://ehr.example.org/fhir"], smart=smart
    )
    app = create_app(Settings(demo=True, clients=clients, log_level="error"))
    yield app
    close(app)


@each_document
def test_rendered_parts_are_as_the_program_is(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert text == renewed(text), "run: python -m tests.docs.generated"


def test_every_part_is_in_one_document() -> None:
    found = chain.from_iterable(parts_of(document.read_text(encoding="utf-8")) for document in documents())
    assert sorted(found) == sorted(PARTS)


def test_the_decisions_are_those_of_the_knowledge() -> None:
    text = (ROOT / "docs/decisions.md").read_text(encoding="utf-8")
    decisions = load().decisions
    assert text.count("\n### ") == len(decisions) > 0
    for where, what in decisions:
        assert where in text or where[:1].upper() + where[1:] in text
        assert what in text


def test_the_error_table_is_that_of_the_error_classes() -> None:
    (table,) = [rows for rows in tables(ROOT / "docs/integration.md") if rows[0] == ["status", "code", "when"]]
    listed = [(status, code) for status, code, _ in table[1:]]
    assert len(listed) == len(set(listed))
    assert set(listed) == {
        ("other 4xx" if kind is OtherHttpError else str(kind.status), f"`{kind.code}`") for kind in error_classes()
    }


def error_classes(kind: type[ServiceError] = ServiceError) -> Iterator[type[ServiceError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from error_classes(narrower)


def test_the_settings_table_names_every_setting() -> None:
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    for setting in TABLE:
        assert f"| `{setting.variable}` |" in text
        assert setting.help in text


def test_the_list_of_knowledge_files_is_complete() -> None:
    (table,) = [rows for rows in tables(ROOT / "docs/knowledge.md") if rows[0] == ["file", "what"]]
    listed = {path for row in table[1:] for path in DATA.glob(row[0].strip("`"))}
    assert listed == {path for path in DATA.rglob("*") if path.suffix in (".yaml", ".json")}


def test_no_rule_is_signed_as_the_documents_say() -> None:
    assert [rule.name for rule in load().rules.values() if rule.checked_by] == []
    assert "No clinician has signed any of it" in (ROOT / "docs/knowledge.md").read_text(encoding="utf-8")


@each_document
def test_environment_variables_exist(document: Path) -> None:
    named = set(re.findall(r"NAM_CDS_[A-Z_]+", document.read_text(encoding="utf-8")))
    assert named <= {setting.variable for setting in TABLE}


@each_document
def test_links_lead_somewhere(document: Path) -> None:
    for token in inline(document):
        target = token.attrGet("href") or token.attrGet("src")
        if target is None or re.match(r"https://|http://127\.0\.0\.1:8080/", str(target)):
            continue
        path, _, anchor = str(target).partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.is_file(), target
        assert not anchor or anchor in anchors(file), target


@each_document
def test_requirements_that_are_named_are_proven(document: Path) -> None:
    """A range names both ends and what lies between; what the page on security leans on has a test, not a reason."""
    if document.name == "conformance.md":
        return
    proven = proofs()
    for family, first, last in re.findall(
        r"(CH-[A-Z]+)-(\d\d)(?:`? to `?-(\d\d))?", document.read_text(encoding="utf-8")
    ):
        for number in range(int(first), int(last or first) + 1):
            id_ = f"{family}-{number:02}"
            assert id_ in requirements(), id_
            assert document.name != "security.md" or id_ in proven, id_


@each_document
def test_files_that_are_named_exist(document: Path) -> None:
    for code in spoken_code(document):
        if _PATH.fullmatch(code):
            assert list(ROOT.glob(re.sub(r"<\w+>", "*", code.rstrip("/")))), code


@each_document
def test_commands_and_targets_that_are_named_exist(document: Path) -> None:
    for code in spoken_code(document):
        words = code.split()
        if words[0] == "make" and len(words) > 1:
            assert words[1] in TARGETS, code
        if words[0] == "nam-cds" and len(words) > 1:
            assert words[1] in COMMANDS, code


@each_document
def test_addresses_that_are_named_are_served(document: Path, demo: Flask) -> None:
    routes = demo.url_map.bind("127.0.0.1")
    for code in spoken_code(document):
        if address := _ADDRESS.fullmatch(code):
            routes.match(address[2], method=address[1] or "GET")


def test_the_readme_begins_with_what_it_does_the_picture_and_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    opening = text.partition("\n## ")[0]
    commands = opening.index("```console\n$ make run\n$ make test\n```")
    assert opening.index("No clinician has reviewed") < opening.index("docs/images/cards.png") < commands


def test_every_picture_is_taken_by_the_program_shown_in_a_document_and_told_in_words() -> None:
    """What a picture shows is also said for those who do not see it, and `make screenshots` takes each."""
    shown = {
        (document.parent / str(token.attrGet("src"))).resolve(): token.content
        for document in documents()
        for token in inline(document)
        if token.type == "image"
    }
    assert {path for path, text in shown.items() if len(text.split()) < 5} == set()
    assert set(shown) == {picture.file for picture in PICTURES} == set((ROOT / "docs/images").iterdir())
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in shown)
