"""Requests that DynamoDB refuses but MiniStack accepts; `patches.apply` applies the refusals.

Differential tests against DynamoDB Local found them (tests/dynamodb_local/test_twin.py); the messages are its messages.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from ministack.services import dynamodb

from scorecast.twin.patch import wrap
from scorecast.twin.table_limits import refusal

Json = dict[str, Any]
Response = tuple[int, Json, bytes]
Names = tuple[tuple[str, str], ...]

_READING = ("KeyConditionExpression", "FilterExpression", "ProjectionExpression")
_CLAUSES = ("SET", "REMOVE", "ADD", "DELETE")
_OPERATORS = ("AND", "OR", "NOT", "BETWEEN", "IN")
_INVALID = "One or more parameter values were invalid:"


def apply() -> None:
    """Apply every refusal."""
    check_expressions_before_items()
    refuse_to_remove_from_nothing()
    read_of_indexes_what_they_have()
    check_projections_of_transactions()


# ---------------------------------------------------------------- expressions


def check_expressions_before_items() -> None:
    """MiniStack finds reserved words only when an item is tested, and accepts updates of overlapping paths."""
    wrap(dynamodb, "_validate_expression_attrs", _expressions_error)
    wrap(dynamodb, "_projection_overlap_response", _projection_error)


def _expressions_error(original: Callable[..., Any], data: Json, fields: tuple[str, ...], *of: Any) -> Response | None:
    error: Response | None = original(data, fields, *of)
    if error is not None:
        return error
    update = data.get("UpdateExpression") if "UpdateExpression" in fields else None
    reason = _overlap(update, _names_of(data)) if update else None
    reason = reason or next(_reserved_words(data, fields), None)
    return refusal(reason) if reason else None


def _projection_error(original: Callable[[Json], Response | None], data: Json) -> Response | None:
    reason = next(_reserved_words(data, _READING), None)
    return refusal(reason) if reason else original(data)


def _reserved_words(data: Json, fields: tuple[str, ...]) -> Iterator[str]:
    for field in _READING:
        if field in fields and data.get(field) and (reason := _reserved_word(data[field])):
            yield reason.replace("UpdateExpression", field)


@lru_cache(maxsize=1024)
def _reserved_word(expression: str) -> str | None:
    reason: str | None = dynamodb._check_reserved_keyword_usage(dynamodb._tokenize(expression))
    return reason


def _names_of(data: Json) -> Names:
    return tuple((data.get("ExpressionAttributeNames") or {}).items())


@lru_cache(maxsize=1024)
def _overlap(update: str, names: Names) -> str | None:
    """Return the refusal of an update that changes an attribute twice, or an attribute and a part of it; else None."""
    paths: list[list[Any]] = []
    for target in _targets(update):
        path = dynamodb._parse_path_from_tokens(target, dict(names))
        for earlier in paths:
            shorter = min(len(earlier), len(path))
            if earlier[:shorter] == path[:shorter]:
                return (
                    "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one "
                    f"of these paths; path one: {shown_path(earlier)}, path two: {shown_path(path)}"
                )
        paths.append(path)
    return None


def _targets(update: str) -> Iterator[list[Any]]:
    """Yield the tokens of each action, beginning with the path that it changes."""
    clause: list[Any] = []
    for token in [*dynamodb._tokenize(update), ("IDENT", _CLAUSES[0])]:
        if token[0] == "IDENT" and token[1].upper() in _CLAUSES:
            yield from dynamodb._split_by_comma(clause) if clause else ()
            clause = []
        else:
            clause.append(token)


def shown_path(path: list[Any]) -> str:
    """Return a document path as DynamoDB writes it in a refusal: [many, [0]]."""
    return "[" + ", ".join(f"[{part}]" if isinstance(part, int) else part for part in path) + "]"


# ---------------------------------------------------------------- parts of attributes


def refuse_to_remove_from_nothing() -> None:
    """MiniStack does nothing if an update removes a part of a map or a list that does not exist."""
    wrap(dynamodb, "_apply_remove", _remove)
    wrap(dynamodb, "_apply_delete", _delete)


def _remove(original: Callable[..., None], item: Json, tokens: list[Any], names: Json, updated: Any) -> None:
    for path_tokens in dynamodb._split_by_comma(tokens):
        check_path(item, dynamodb._parse_path_from_tokens(path_tokens, names))
    original(item, tokens, names, updated)


def _delete(original: Callable[..., None], item: Json, tokens: list[Any], values: Json, names: Json, *of: Any) -> None:
    for action in dynamodb._split_by_comma(tokens):
        check_path(item, dynamodb._parse_path_from_tokens(action[:-1], names))
    original(item, tokens, values, names, *of)


def check_path(item: Json, path: list[Any]) -> None:
    """Raise ValueError if the item has no map or list that the path could name a part of."""
    holder = (dynamodb._get_at_path(item, path[:-1]) or {}) if len(path) > 1 else {"M": item}
    if ("L" if isinstance(path[-1], int) else "M") not in holder:
        raise ValueError("The document path provided in the update expression is invalid for update")


# ---------------------------------------------------------------- indexes


def read_of_indexes_what_they_have() -> None:
    """MiniStack filters an index's entries by attributes that the index lacks, and queries by their own keys."""
    wrap(dynamodb, "_query", lambda query, data: _query_error(data) or query(data))
    wrap(dynamodb, "_scan", lambda scan, data: _index_error(data) or scan(data))


def _query_error(data: Json) -> Response | None:
    table, index = _table_and_index(data)
    filtered = _top_names(data.get("FilterExpression"), _names_of(data))
    if table and filtered:
        schema = index["KeySchema"] if index else table["KeySchema"]
        for key in (key["AttributeName"] for key in schema if key["AttributeName"] in filtered):
            reason = "Filter Expression can only contain non-primary key attributes: Primary key attribute:"
            return refusal(f"{reason} {key}")
    return _index_error(data)


def _index_error(data: Json) -> Response | None:
    table, index = _table_and_index(data)
    if not table or not index or index["Projection"].get("ProjectionType", "ALL") == "ALL":
        return None
    if any(_reserved_words(data, _READING)):
        return None  # MiniStack itself refuses it now
    name = index["IndexName"]
    if data.get("Select") == "ALL_ATTRIBUTES":
        kind = f"Select type ALL_ATTRIBUTES is not supported for global secondary index {name}"
        return refusal(f"{_INVALID} {kind} because its projection type is not ALL")
    kept = {key["AttributeName"] for key in [*table["KeySchema"], *index["KeySchema"]]}
    kept.update(index["Projection"].get("NonKeyAttributes") or ())
    missing = [
        [one for one in _top_names(data.get(field), _names_of(data)) if one not in kept]
        for field in ("ProjectionExpression", "FilterExpression")
    ]
    if missing[0]:
        return refusal(f"{_INVALID} Global secondary index {name} does not project [{', '.join(missing[0])}]")
    if missing[1]:
        reason = f"Secondary index {name} does not project one or more filter attributes:"
        return refusal(f"{_INVALID} {reason} [{', '.join(missing[1])}]")
    return None


def _table_and_index(data: Json) -> tuple[Json | None, Json | None]:
    table = dynamodb._tables.get(dynamodb._normalize_table_name(data.get("TableName")))
    indexes = (table or {}).get("GlobalSecondaryIndexes") or []
    return table, next((one for one in indexes if one["IndexName"] == data.get("IndexName")), None)


@lru_cache(maxsize=1024)
def _top_names(expression: str | None, names: Names) -> tuple[str, ...]:
    """Return the top-level attributes that an expression names."""
    found: dict[str, None] = {}
    before = None
    for kind, text, *_ in dynamodb._tokenize(expression or ""):
        is_word = kind == "IDENT" and text.upper() not in _OPERATORS
        if before != "DOT" and (kind == "NAME_REF" or (is_word and text not in dynamodb._DDB_EXPR_FUNCTIONS)):
            found[dict(names).get(text, text)] = None
        before = kind
    return tuple(found)


# ---------------------------------------------------------------- transactions


def check_projections_of_transactions() -> None:
    """MiniStack fails with an internal error if a transaction reads overlapping paths."""
    wrap(dynamodb, "_transact_get_items", _transact_get)


def _transact_get(original: Callable[[Json], Response], data: Json) -> Response:
    gets = [one.get("Get") or {} for one in data.get("TransactItems") or ()]
    errors = filter(None, map(dynamodb._projection_overlap_response, gets))
    return next(errors, None) or original(data)
