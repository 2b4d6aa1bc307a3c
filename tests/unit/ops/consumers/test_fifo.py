"""A FIFO queue gets the same body for a change however often it is published, in the group that the target names."""

import json
from typing import Any

import pytest
from ministack.services import eventbridge

from scorecast.errors import UserError
from scorecast.ops.consumers.fifo import NAMED_BY_CHANGE, group_of, group_path, named_by_change
from scorecast.runtime.settings import AttributeNames

EVENT: dict[str, Any] = {
    "version": "0",
    "id": "of-this-publication",
    "detail-type": "MODIFY",
    "source": "update.aws.dynamodb",
    "account": "123456789012",
    "time": "2020-04-15T08:26:17Z",
    "region": "us-east-1",
    "resources": ["arn:aws:dynamodb:us-east-1:123456789012:table/hackathon/stream/2020"],
    "detail": {
        "id": "c4ca42",
        "keys": {"id": "6", "metadata": "StarWar"},
        "new": {"name": 'a "quoted" <tag>', "n": 1.5},
    },
}


class View:
    """The event as MiniStack's transformer asks for it."""

    def event_with_detail(self) -> dict[str, Any]:
        return EVENT

    def envelope(self) -> dict[str, Any]:
        return EVENT


def test_the_rules_template_and_a_redrive_make_the_same_event_named_by_its_change() -> None:
    by_rule = eventbridge._apply_input_transformer(NAMED_BY_CHANGE, {}, View())
    assert json.loads(by_rule) == EVENT | {"id": "c4ca42"}
    assert json.loads(named_by_change(EVENT)) == EVENT | {"id": "c4ca42"}


@pytest.mark.parametrize(
    ("group", "expected"), [("$.detail.keys.id", "6"), ("winners", "winners"), ("$.detail.keys.nothing", "")]
)
def test_the_group_is_a_name_or_what_is_at_its_path(group: str, expected: str) -> None:
    assert group_of(group, EVENT) == expected


def test_an_attribute_that_a_path_cannot_name_is_refused() -> None:
    assert group_path("item", AttributeNames(id="team-id")) == "$.detail.keys.team-id"
    with pytest.raises(UserError, match="cannot group by 'team id'"):
        group_path("item", AttributeNames(id="team id"))
