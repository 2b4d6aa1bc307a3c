"""A disabled mapping and a stream without both images are told, with the remedy."""

from typing import Any

import pytest

from scorecast.ops.recovery.warnings import stream_warning, warnings_of
from tests.support.ops_fakes import refusal
from tests.support.repair_system import RepairSystem


@pytest.fixture
def system() -> RepairSystem:
    return RepairSystem()


def test_a_stack_that_works_has_no_warning(system: RepairSystem) -> None:
    assert warnings_of(system.stack) == []


@pytest.mark.parametrize("state", ["Disabled", "Disabling"])
def test_a_mapping_that_a_kill_left_disabled_is_told_with_the_command(system: RepairSystem, state: str) -> None:
    system.mapping.begin(state)
    [warning] = warnings_of(system.stack)
    assert f"The mapping of ConsumerLambda's queue is {state}, so changes wait in the queue" in warning
    assert "`scorecast rebuild` enables it" in warning
    assert "`aws lambda update-event-source-mapping --uuid mapping --enabled`" in warning


@pytest.mark.parametrize("kind", ["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE"])
def test_a_stream_without_both_images_is_told_with_the_commands(kind: str) -> None:
    warning = stream_warning("main", {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": kind}})
    assert warning
    assert f"has the view type {kind}, not NEW_AND_OLD_IMAGES, so removals never reach the leaderboard" in warning
    update = "aws dynamodb update-table --table-name main --stream-specification StreamEnabled="
    assert f"`{update}false`, then `{update}true,StreamViewType=NEW_AND_OLD_IMAGES`" in warning


@pytest.mark.parametrize("specification", [{}, {"StreamSpecification": {"StreamEnabled": False}}])
def test_a_table_without_a_stream_is_told(specification: dict[str, Any]) -> None:
    assert "has no stream, so no change reaches the leaderboard" in str(stream_warning("main", specification))


def test_what_may_not_be_looked_at_is_told_and_the_rest_is_looked_at(
    system: RepairSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise refusal("AccessDeniedException", "not yours", "ListEventSourceMappings")

    monkeypatch.setattr(system, "list_event_source_mappings", refuse)
    view = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}}
    monkeypatch.setattr(system, "describe_table", lambda **_: {"Table": view})
    denied, stream = warnings_of(system.stack)
    assert denied == "You may not call ListEventSourceMappings: not yours."
    assert "NEW_IMAGE" in stream
