"""Reading a form without leaving a trace of it: the web framework would write a large upload to a file on disk."""

from collections.abc import Mapping
from io import BytesIO

from flask import Request
from werkzeug.formparser import FormDataParser

MOST_INPUTS = 20_000
"""Inputs of one form; each fact has a few."""
FILE = "file"


def _in_memory(
    total_content_length: int | None,  # noqa: ARG001
    content_type: str | None,  # noqa: ARG001
    filename: str | None,  # noqa: ARG001
    content_length: int | None = None,  # noqa: ARG001
) -> BytesIO:
    return BytesIO()


def read_form(request: Request, limit: int) -> tuple[Mapping[str, str], bytes]:
    """The texts of a form by name, and the uploaded file (empty without one), of at most `limit` bytes in all.

    Raises werkzeug's RequestEntityTooLarge.
    """
    parser = FormDataParser(_in_memory, max_form_memory_size=limit, max_form_parts=MOST_INPUTS)
    _, texts, files = parser.parse(
        request.stream, request.mimetype, request.content_length, dict(request.mimetype_params)
    )
    upload = files.get(FILE)
    return texts, upload.stream.read() if upload else b""
