"""Expressions that DynamoDB refuses for their operands, and MiniStack takes; `patches.apply` applies the refusals.

The words are those of DynamoDB Local.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from ministack.services import dynamodb

from scorecast.twin.patch import wrap
from scorecast.twin.table_limits import refusal
from scorecast.twin.update_syntax import mistake_in

Json = dict[str, Any]
Response = tuple[int, Json, bytes]
Token = tuple[str, str]
Demand = tuple[str, str, tuple[str, ...]]
"""An operator or function, the name of one of its values, and the types that this may have."""

_SORTED = ("LT", "LE", "GT", "GE")
_SIGNS = ("PLUS", "MINUS")
_SORTABLE = ("S", "N", "B")
_TYPES = ("B", "BOOL", "BS", "L", "M", "N", "NS", "NULL", "S", "SS")
_ARGUMENTS = {"begins_with": ("S", "B"), "attribute_type": ("S",), "list_append": ("L",)}
_NOT_FOR_KEYS = ("OR", "NOT", "CONTAINS", "SIZE", "ATTRIBUTE_EXISTS", "ATTRIBUTE_NOT_EXISTS", "ATTRIBUTE_TYPE")
_INCORRECT = "Incorrect operand type for operator or function; operator or function: {}, operand type: {}"


def apply() -> None:
    """Apply every refusal."""
    check_operands_before_items()
    check_operands_of_items()
    check_operators_of_keys()


def check_operands_before_items() -> None:
    """MiniStack compares, adds and joins values of any types, and knows types of any name."""
    wrap(dynamodb, "_validate_expression_attrs", _expressions_error)


def _expressions_error(original: Callable[..., Any], data: Json, fields: tuple[str, ...], *of: Any) -> Response | None:
    error: Response | None = original(data, fields, *of)
    for field in ("ConditionExpression", "FilterExpression", "UpdateExpression"):
        if error is None and field in fields and (expression := data.get(field)):
            mistake = mistake_in(expression) if field == "UpdateExpression" else ""
            reason = mistake or next(_wrong_values(expression, data.get("ExpressionAttributeValues") or {}), None)
            error = refusal(f"Invalid {field}: {reason}") if reason else None
    return error


def _wrong_values(expression: str, values: Json) -> Iterator[str]:
    for operator, name, kinds in _demands(expression):
        for kind, inner in values[name].items():
            if kind not in kinds:
                yield _INCORRECT.format(operator, kind)
            elif operator == "attribute_type" and inner not in _TYPES:
                yield f"Invalid attribute type name found; type: {inner}, valid types: {{{','.join(_TYPES)}}}"


@lru_cache(maxsize=1024)
def _demands(expression: str) -> tuple[Demand, ...]:
    tokens = dynamodb._tokenize(expression)
    found: list[tuple[str, Token, tuple[str, ...]]] = []
    for at, (kind, text) in enumerate(tokens):
        if kind in _SORTED:
            found += [(text, one, _SORTABLE) for one in (tokens[at - 1], tokens[at + 1])]
        elif kind in _SIGNS:
            found += [(text, one, ("N",)) for one in (tokens[at - 1], tokens[at + 1])]
        elif kind == "IDENT" and text.upper() == "BETWEEN":
            found += [("BETWEEN", one, _SORTABLE) for one in (tokens[at - 1], *tokens[at + 1 : at + 4 : 2])]
        elif kind == "IDENT" and text in _ARGUMENTS:
            found += [(text, one[0], _ARGUMENTS[text]) for one in _arguments(tokens[at + 1 :]) if len(one) == 1]
    return tuple((operator, name, kinds) for operator, (kind, name), kinds in found if kind == "VALUE_REF")


def _arguments(tokens: list[Token]) -> list[list[Token]]:
    """Return the tokens of each argument in the parentheses that begin here."""
    arguments: list[list[Token]] = dynamodb._split_by_comma(tokens[1 : dynamodb._find_matching_paren(tokens, 0) or 0])
    return arguments


def _depths(tokens: list[Token]) -> Iterator[int]:
    depth = 0
    for kind, _ in tokens:
        depth += (kind == "LPAREN") - (kind == "RPAREN")
        yield depth


# ---------------------------------------------------------------- what is in the item


def check_operands_of_items() -> None:
    """MiniStack adds to what is no number, and fails where a number begins with a text.

    It does not look at the value of if_not_exists if that is not needed.
    """
    wrap(dynamodb, "_eval_set_value", _set_value)
    dynamodb._ExprEval = _Evaluation


def _set_value(original: Callable[..., Any], tokens: list[Token], *of: Any) -> Any:
    for at, ((kind, text), depth) in enumerate(zip(tokens, _depths(tokens), strict=True)):
        if kind in _SIGNS and depth == 0:
            operands = [dynamodb._eval_set_value(side, *of) for side in (tokens[:at], tokens[at + 1 :])]
            if not all("N" in (one or ()) for one in operands):
                raise ValueError("An operand in the update expression has an incorrect data type")
        if (kind, text) == ("IDENT", "if_not_exists") and depth == 0:
            for default in _arguments(tokens[at + 1 :])[1:]:
                dynamodb._eval_set_value(default, *of)
    return original(tokens, *of)


class _Evaluation(dynamodb._ExprEval):  # type: ignore[misc]
    __slots__ = ()

    def _fn_begins_with(self) -> bool:
        try:
            return bool(super()._fn_begins_with())
        except ValueError as error:
            if "Incorrect operand type" in str(error):  # the value's type was checked before, so it is the attribute's
                return False
            raise


# ---------------------------------------------------------------- keys


def check_operators_of_keys() -> None:
    """MiniStack queries with operators that no key takes."""
    wrap(dynamodb, "_key_condition_operand_error", _key_error)


def _key_error(original: Callable[..., Any], condition: str, values: Json) -> Response | None:
    wrong = next(_not_for_keys(condition), None)
    error: Response | None = original(condition, values)
    return error or (refusal(f"Invalid operator used in KeyConditionExpression: {wrong}") if wrong else None)


def _not_for_keys(condition: str) -> Iterator[str]:
    for kind, text in dynamodb._tokenize(condition):
        if kind == "NE" or (kind == "IDENT" and text.upper() in _NOT_FOR_KEYS):
            yield text
