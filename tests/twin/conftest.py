"""What tests on a twin share: an engine without a stack, the command line, a board, calls that fail on demand."""

import uuid
from collections.abc import Callable, Iterator

import pytest

from scorecast.twin import process
from scorecast.twin.instance import Twin
from tests.support.command import Scorecast
from tests.support.deployed import Stack, free_port
from tests.support.faulty_aws import FaultyAws, Plan, faulty
from tests.support.pipeline import MainTable

Fail = Callable[[Plan], Plan]


@pytest.fixture(scope="session")
def scorecast(stack: Stack) -> Scorecast:
    """The command line of the stack's owner."""
    return Scorecast(stack.twin.port)


@pytest.fixture
def name() -> str:
    """The name of a board of the test's own."""
    return f"board-{uuid.uuid4()}"


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    """An engine without a stack, which starts in a second."""
    folder = tmp_path_factory.mktemp("engine")
    twin = Twin(root=folder, state_dir=folder / "twin", port=free_port())
    process.start(twin)
    yield twin
    process.stop(twin)


@pytest.fixture
def main(stack: Stack) -> MainTable:
    """The main table, for writes to a board of the test's own."""
    return MainTable(stack)


@pytest.fixture(scope="module")
def aws(stack: Stack) -> Iterator[FaultyAws]:
    """The proxy between the functions and the engine."""
    with faulty(stack, Plan()) as aws:
        yield aws


@pytest.fixture
def fail(aws: FaultyAws) -> Iterator[Fail]:
    """Let the functions' calls fail by a plan, until it is calm or the test ends."""

    def begin(plan: Plan) -> Plan:
        aws.plan = plan
        return plan

    yield begin
    aws.plan.calm()
