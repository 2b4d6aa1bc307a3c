"""Answers in API Gateway's format: JSON with exact numbers, problems (RFC 9457), the page with its policy. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from scorecast.api.errors import ApiError

Answer = dict[str, Any]

ALLOWED = "GET, HEAD, OPTIONS"

# Headers of every answer: any page may read it and its ETag (nothing here uses cookies), and no browser may guess its
# type.
_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag",
    "X-Content-Type-Options": "nosniff",
}
# A browser requests these before a page of another site may send If-None-Match; the answer is valid for a day.
_PREFLIGHT = {
    "Allow": ALLOWED,
    "Access-Control-Allow-Methods": ALLOWED,
    "Access-Control-Allow-Headers": "If-None-Match, X-Api-Key",
    "Access-Control-Max-Age": "86400",
}
# A live board: viewers within a second share an answer. A cache may serve it for one more second while it fetches the
# next one, so that few requests reach the API when an answer expires (RFC 5861).
_LIVE = {"Cache-Control": "public, max-age=1, stale-while-revalidate=1"}
# Errors caused by the request; viewers who wait for a board to begin share such an answer too.
_REFUSED = {"Cache-Control": "public, max-age=1"}
# An answer to a known caller is for that caller only.
VARY = {"Vary": "X-Api-Key, Authorization"}
_STATIC = {"Cache-Control": "public, max-age=300"}


def json_answer(body: Any) -> Answer:
    """Answer 200 with JSON."""
    return _answer(200, "application/json", json_text(body), _LIVE)


def options_answer() -> Answer:
    """Answer a CORS preflight request: which methods and headers are allowed."""
    return {"statusCode": 204, "headers": _HEADERS | _PREFLIGHT, "body": ""}


def openapi_answer(document: str) -> Answer:
    """Answer the OpenAPI document."""
    return _answer(200, "application/json", document, _STATIC)


def revalidated(answer: Answer, request: Mapping[str, Any]) -> Answer:
    """Add an ETag; answer 304 without a body if the client has it already (If-None-Match, RFC 9110 section 13.1.2)."""
    tag = f'"{hashlib.sha256(answer["body"].encode()).hexdigest()[:32]}"'
    headers = answer["headers"] | {"ETag": tag}
    known = {name.lower(): value for name, value in (request.get("headers") or {}).items()}.get("if-none-match") or ""
    if known.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in known.split(",")):
        return {"statusCode": 304, "headers": headers, "body": ""}
    return answer | {"headers": headers}


def problem_answer(error: ApiError) -> Answer:
    """Answer with an error: its message, and the parameter it is about, if any."""
    problem = {"title": HTTPStatus(error.status).phrase, "status": error.status, "detail": str(error)}
    if error.parameter:
        problem["parameter"] = error.parameter
    headers = _REFUSED if error.status in (400, 404) else {"Cache-Control": "no-store"}
    allowed = {"Allow": ALLOWED} if error.status == 405 else {}
    return _answer(error.status, "application/problem+json", json_text(problem), {**headers, **allowed})


def page_answer(html: str, frame_ancestors: str) -> Answer:
    """Answer with the page; its policy allows its inline script and style by hash, its API, and some frames."""
    policy = (
        f"default-src 'none'; script-src {_sources('script', html)}; style-src {_sources('style', html)}; "
        f"connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors {frame_ancestors}"
    )
    return _answer(200, "text/html; charset=utf-8", html, _STATIC | {"Content-Security-Policy": policy})


def json_text(value: Any) -> str:
    """Write JSON; a Decimal keeps all its digits, which the standard library's encoder does not support."""
    if isinstance(value, Decimal):
        # 1E39, not 1E+39: in a URL a plus sign means a space, and a shown score may be sent back (rankOfScore).
        return str(value).replace("E+", "E")
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {json_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(json_text(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _answer(status: int, content_type: str, body: str, headers: Mapping[str, str]) -> Answer:
    return {"statusCode": status, "headers": {**_HEADERS, "Content-Type": content_type, **headers}, "body": body}


def _sources(element: str, html: str) -> str:
    contents = re.findall(rf"<{element}[^>]*>(.*?)</{element}>", html, re.DOTALL)
    digests = (b64encode(hashlib.sha256(content.encode()).digest()).decode() for content in contents)
    return " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"
