"""GET / and GET /openapi.json: the page for people, and the API's description for programs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scorecast.api.responses import Answer, openapi_answer, page_answer

_FOLDER = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class ShowPage:
    """The page for people."""

    def answer(self, frame_ancestors: str) -> Answer:
        """Answer the page; `frame_ancestors` says, as in a content security policy, which sites may frame it."""
        return _page(frame_ancestors)


@dataclass(frozen=True, slots=True)
class GetOpenApi:
    """The OpenAPI document."""

    def answer(self) -> Answer:
        """Answer with the document."""
        return _openapi()


Document = ShowPage | GetOpenApi
"""A query that is answered with a file."""


@cache
def _page(frame_ancestors: str) -> Answer:
    """Read the page and hash its script and style, once per process."""
    return page_answer((_FOLDER / "page.html").read_text(encoding="utf-8"), frame_ancestors)


@cache
def _openapi() -> Answer:
    """Read the document, once per process."""
    return openapi_answer((_FOLDER / "openapi.json").read_text(encoding="utf-8"))
