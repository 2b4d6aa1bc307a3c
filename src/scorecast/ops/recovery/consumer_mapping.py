"""ConsumerMapping: tells whether Lambda reads the consumer's queue, and switches that off and on.

While the event source mapping is disabled, messages stay in the queue for up to 4 days (the template's
MessageRetentionPeriod).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from scorecast.errors import UserError
from scorecast.ops.stack.arn import read_arn
from scorecast.ops.stack.aws_errors import aws_code_of
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.polling import CLOCK, Clock, poll_until
from scorecast.ops.stack.stack import Stack

# The stable states; Creating, Enabling, Disabling, Updating and Deleting are transitional.
# https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html
ENABLED, DISABLED = "Enabled", "Disabled"
# Lambda refuses an update in a transitional state, which may have begun after the state was read.
# https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html
_BUSY = {"ResourceInUseException", "ResourceConflictException", "TooManyRequestsException"}
# A mapping takes about a minute to pause or resume, and another minute if it was already changing.
_DEADLINE_S = 300


@dataclass(frozen=True, slots=True)
class MappingState:
    """The mapping's id, and its state as Lambda names it."""

    uuid: str
    state: str

    @property
    def is_paused(self) -> bool:
        """Whether Lambda does not read the queue, or is about to stop reading it."""
        return self.state in (DISABLED, "Disabling")

    @property
    def remedy(self) -> str:
        """How to make Lambda read the queue."""
        return (
            f"`scorecast rebuild` enables it, and so does `aws lambda update-event-source-mapping --uuid {self.uuid} "
            "--enabled`."
        )

    def __str__(self) -> str:
        return (
            f"The mapping of ConsumerLambda's queue is {self.state}, so changes wait in the queue: a rebuild is "
            f"running or was killed. If none is running, {self.remedy}"
        )


@dataclass(frozen=True, slots=True)
class ConsumerMapping:
    """The mapping of ConsumerLambda and its queue."""

    functions: Any
    function: str
    queue: str
    clock: Clock = CLOCK

    def read(self) -> MappingState:
        """Read the state."""
        answer = self.functions.list_event_source_mappings(FunctionName=self.function)
        for mapping in answer["EventSourceMappings"]:
            if read_arn(mapping["EventSourceArn"]).name == self.queue:
                return MappingState(mapping["UUID"], mapping["State"])
        raise UserError(f"No mapping leads from the queue {self.queue} to {self.function}: deploy the stack again.")

    def disable(self, clock: Clock) -> None:
        """Stop reading the queue; `clock` may interrupt the wait."""
        self._bring_to(DISABLED, clock)

    def enable(self) -> None:
        """Read the queue again."""
        self._bring_to(ENABLED, self.clock)

    def _bring_to(self, wanted: str, clock: Clock) -> None:
        """Update the mapping once it is in a stable state, and wait until it is in the wanted state."""
        for _ in poll_until(_DEADLINE_S, pause_s=0.2, longest_pause_s=5, clock=clock):
            mapping = self.read()
            if mapping.state == wanted:
                return
            if mapping.state in (ENABLED, DISABLED):
                self._update(mapping, is_enabled=wanted == ENABLED)
        raise UserError(
            f"The mapping of ConsumerLambda's queue is {mapping.state} after {_DEADLINE_S} s, not {wanted}. "
            f"It must be Enabled for the boards to move: {mapping.remedy}",
            ExitCode.TIMED_OUT,
        )

    def _update(self, mapping: MappingState, *, is_enabled: bool) -> None:
        try:
            self.functions.update_event_source_mapping(UUID=mapping.uuid, Enabled=is_enabled)
        except ClientError as error:
            if aws_code_of(error) not in _BUSY:
                raise


def consumer_mapping_of(stack: Stack, clock: Clock = CLOCK) -> ConsumerMapping:
    """Return the mapping of a stack."""
    queue = stack.output("ConsumerQueueUrl").rpartition("/")[2]
    return ConsumerMapping(stack.client("lambda"), stack.output("ConsumerLambdaName"), queue, clock)
