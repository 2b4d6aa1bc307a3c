"""DynamoDB as the twin has it, without an engine's process: MiniStack's module with the twin's patches."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from ministack.services import dynamodb

from scorecast.twin import patches

Json = dict[str, Any]


@contextmanager
def patched_tables() -> Iterator[None]:
    """Apply the twin's patches of tables; afterwards the module is as it was, without tables."""
    plain, of_tables = dict(vars(dynamodb)), type(dynamodb._tables)
    patches.apply_to_tables()
    try:
        yield
    finally:
        dynamodb._tables.__class__ = of_tables
        vars(dynamodb).update(plain)
        dynamodb.reset()


def call_twin(operation: str, request: Json) -> Json:
    """Call an operation by its name in boto3; return its answer, or its error with the code under `__type`."""
    _, _, body = getattr(dynamodb, f"_{operation}")(deepcopy(request))
    answer: Json = json.loads(body)
    return answer
