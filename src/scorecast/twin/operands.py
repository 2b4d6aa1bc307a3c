"""Expressions that DynamoDB refuses for their operands, and MiniStack takes; `patches.apply` applies the refusals.

The words are those of DynamoDB Local.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
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
_NOT_FOR_KEYS = ("contains", "size", "attribute_exists", "attribute_not_exists", "attribute_type")
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
            values = data.get("ExpressionAttributeValues") or {}
            mistake = mistake_in(expression) if field == "UpdateExpression" else ""
            reason = mistake or next(_undefined(expression, values), None) or next(_wrong(expression, values), None)
            error = refusal(f"Invalid {field}: {reason}") if reason else None
    return error


def _undefined(expression: str, values: Json) -> Iterator[str]:
    """MiniStack overlooks values whose names begin with a digit."""
    for kind, name in _tokens(expression):
        if kind == "VALUE_REF" and name not in values:
            yield f"An expression attribute value used in expression is not defined; attribute value: {name}"


@lru_cache(maxsize=1024)
def _tokens(expression: str) -> tuple[Token, ...]:
    return tuple(dynamodb._tokenize(expression))


def _wrong(expression: str, values: Json) -> Iterator[str]:
    for operator, name, kinds in _demands(expression):
        for kind, inner in values[name].items():
            if kind not in kinds:
                yield _INCORRECT.format(operator, kind)
            elif operator == "attribute_type" and inner not in _TYPES:
                yield f"Invalid attribute type name found; type: {inner}, valid types: {{{','.join(_TYPES)}}}"


@lru_cache(maxsize=1024)
def _demands(expression: str) -> tuple[Demand, ...]:
    tokens = _tokens(expression)
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


def _arguments(tokens: Sequence[Token]) -> list[list[Token]]:
    """Return the tokens of each argument in the parentheses that begin here; none if an attribute is called so."""
    if not tokens or tokens[0][0] != "LPAREN":
        return []
    arguments: list[list[Token]] = dynamodb._split_by_comma(tokens[1 : dynamodb._find_matching_paren(tokens, 0) or 0])
    return arguments


def _depths(tokens: list[Token]) -> Iterator[int]:
    depth = 0
    for kind, _ in tokens:
        depth += (kind == "LPAREN") - (kind == "RPAREN")
        yield depth


# ---------------------------------------------------------------- what is in the item


def check_operands_of_items() -> None:
    """MiniStack adds to what is no number, joins what is no list, and fails where a number begins with a text.

    It does not look at the value of if_not_exists if that is not needed.
    """
    wrap(dynamodb, "_eval_set_value", _set_value)
    dynamodb._ExprEval = _Evaluation


def _set_value(original: Callable[..., Any], tokens: list[Token], *of: Any) -> Any:
    for at, ((kind, text), depth) in enumerate(zip(tokens, _depths(tokens), strict=True)):
        if kind in _SIGNS and depth == 0:
            _check_kind("N", (tokens[:at], tokens[at + 1 :]), *of)
        if (kind, text) == ("IDENT", "if_not_exists") and depth == 0:
            _look_at_default(_arguments(tokens[at + 1 :]), *of)
        if (kind, text) == ("IDENT", "list_append") and depth == 0:
            _check_kind("L", _arguments(tokens[at + 1 :]), *of)
    return original(tokens, *of)


def _check_kind(kind: str, operands: Sequence[list[Token]], *of: Any) -> None:
    if not all(kind in (dynamodb._eval_set_value(one, *of) or ()) for one in operands):
        raise ValueError("An operand in the update expression has an incorrect data type")


def _look_at_default(arguments: list[list[Token]], item: Json, values: Json, names: Json) -> None:
    """Fail if the default of if_not_exists is not there; MiniStack looks at it only if it needs it."""
    if len(arguments) == 2 and dynamodb._get_at_path(item, dynamodb._parse_path_from_tokens(arguments[0], names)):
        dynamodb._eval_set_value(arguments[1], item, values, names)


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
    for (kind, text), (following, _) in pairwise(_tokens(condition)):
        is_function = kind == "IDENT" and text in _NOT_FOR_KEYS and following == "LPAREN"
        if kind == "NE" or is_function or (kind == "IDENT" and text.upper() in ("OR", "NOT")):
            yield text
