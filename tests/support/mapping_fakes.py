"""Lambda's event source mapping of ConsumerLambda's queue, with the states that pass."""

from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from tests.support.ops_fakes import ACCOUNT, refusal

_LASTING = ("Enabled", "Disabled")
_BECOMES = {"Creating": "Enabled", "Enabling": "Enabled", "Updating": "Enabled", "Disabling": "Disabled"}


@dataclass
class FakeMapping:
    """A mapping that stays in a passing state for a few reads, and refuses updates meanwhile."""

    state: str = "Enabled"
    reads_left: int = 0
    queue: str = ACCOUNT.format("sqs", "consumer")
    others: list[str] = field(default_factory=list)
    refusals: list[ClientError] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    is_stuck: bool = False

    def begin(self, state: str) -> None:
        """Enter a state."""
        self.state, self.reads_left = state, 0 if state in _LASTING else 3

    def list_event_source_mappings(self, *, FunctionName: str) -> dict[str, Any]:
        if self.state not in _LASTING:
            self.reads_left -= 1
            if self.reads_left < 0:
                self.begin(_BECOMES[self.state])
        others = [{"UUID": "other", "State": "Enabled", "EventSourceArn": arn} for arn in self.others]
        mapping = {"UUID": "mapping", "State": self.state, "EventSourceArn": self.queue}
        return {"EventSourceMappings": [*others, mapping]}

    def update_event_source_mapping(self, *, UUID: str, Enabled: bool) -> dict[str, Any]:
        if self.state not in _LASTING:
            raise refusal("ResourceInUseException", "the mapping is changing")
        if self.refusals:
            raise self.refusals.pop(0)
        self.updated.append(UUID)
        if not self.is_stuck and Enabled != (self.state == "Enabled"):
            self.begin("Enabling" if Enabled else "Disabling")
        return {}
