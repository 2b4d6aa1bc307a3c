"""What AWS refuses: the error's code and its words."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scorecast.twin.instance import Twin


@contextmanager
def refused(code: str, words: str = "") -> Iterator[None]:
    """Expect a call to be refused with this code, in words that contain these."""
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response["Error"]
    assert error["Code"].endswith(code)
    assert words in error["Message"]


def reasons_of_failure(engine: Twin, stack: str, resource: dict[str, Any]) -> list[str]:
    """Expect that a stack of one resource is not made; return the reasons that its events give."""
    cloudformation = engine.client("cloudformation")
    body = json.dumps({"Resources": {"Refused": resource}})
    cloudformation.create_stack(StackName=stack, TemplateBody=body, OnFailure="DO_NOTHING")
    with pytest.raises(Exception, match="CREATE_FAILED"):
        cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    return [event.get("ResourceStatusReason", "") for event in events]
