"""Up and down: the steps in their order, each done only as far as it is needed. One `up` at a time."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Protocol

from scorecast.ops.stack.local_engine import local_url
from scorecast.twin import deployment, process, sample
from scorecast.twin.instance import Twin, get_json, locked

Remark = Callable[[str], None]


class Progress(Protocol):
    """Shows people what is going on: `with progress.step("deploy") as remark: ... remark("14 resources")`."""

    def step(self, title: str) -> AbstractContextManager[Remark]: ...


def up(twin: Twin, progress: Progress) -> deployment.StackState:
    """Bring the twin up: engine, stack, sample data; returns the stack."""
    with _alone(twin, progress):
        with progress.step("engine") as remark:
            remark(process.start(twin))
        state = _deploy_if_needed(twin, progress)
        with progress.step("sample data") as remark:
            is_new = sample.write(twin, state.outputs["MainTableName"])
            remark("" if is_new else "It had been written before and is left alone.")
        with progress.step("leaderboard") as remark:
            api = local_url(state.outputs["LeaderGetApi"], twin.endpoint)
            if is_new:
                sample.await_arrival(twin, api)
            elif get_json(api) is None:
                remark(f"The API does not answer; see {twin.log_file}, or start afresh: make clean up")
    return state


def down(twin: Twin) -> bool:
    """Save and stop everything; False where nothing was running."""
    return process.stop(twin)


def _alone(twin: Twin, progress: Progress) -> ExitStack:
    """Hold the lock of `up`; a second one waits and then finds everything done."""
    lock = twin.state_dir / "up.lock"
    held = ExitStack()
    try:
        held.enter_context(locked(lock, wait=False))
    except BlockingIOError:
        with progress.step("waiting for another `scorecast up`"):
            held.enter_context(locked(lock, wait=True))
    return held


def _deploy_if_needed(twin: Twin, progress: Progress) -> deployment.StackState:
    source = deployment.fingerprint(twin.root)
    state = deployment.describe(twin)
    if state.is_complete and state.source == source:
        return state
    with progress.step("build (sam build)"):
        deployment.build(twin)
    with progress.step("deploy (sam deploy)") as remark:
        remark(deployment.clear_the_way(twin))
        deployment.deploy(twin, source)
    return deployment.describe(twin)
