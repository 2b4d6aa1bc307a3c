"""How tests let the stream's trigger give a batch up: FanoutLambda acknowledges nothing, and records expire soon."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.deployed import Stack
from tests.support.faulty_aws import Plan
from tests.support.pipeline import Json, put

# The shortest age at which a trigger gives up a record.
LEAST_AGE_S = 60


@contextmanager
def trigger_with(stack: Stack, **settings: Any) -> Iterator[None]:
    """Change settings of the stream's trigger, and restore them at the end."""
    functions, mapping = stack.client("lambda"), _mapping(stack)
    functions.update_event_source_mapping(UUID=mapping["UUID"], **settings)
    try:
        yield
    finally:
        as_it_was = {name: mapping[name] for name in settings}
        functions.update_event_source_mapping(UUID=mapping["UUID"], **as_it_was)


def put_as_one_batch(stack: Stack, *items: Json) -> None:
    """Write items while the stream's trigger is off, so that it delivers them together."""
    functions, mapping = stack.client("lambda"), _mapping(stack)
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    put(stack, *items)
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def _mapping(stack: Stack) -> Json:
    fanout = stack.outputs["FanoutLambdaName"]
    [mapping] = stack.client("lambda").list_event_source_mappings(FunctionName=fanout)["EventSourceMappings"]
    return dict(mapping)


def nothing_goes() -> Plan:
    """The bus refuses every change and the dead-letter queue is busy, so FanoutLambda acknowledges nothing."""
    return Plan(stubborn_per_cent=100, out={"SendMessageBatch"})
