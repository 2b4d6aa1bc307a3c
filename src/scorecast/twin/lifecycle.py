"""Up and down: runs their steps in order, skipping completed ones. Only one `up` runs at a time."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Protocol

from scorecast.bundles.sources import is_installed
from scorecast.errors import UserError
from scorecast.ops.stack.local_engine import local_url, typed
from scorecast.twin import deployment, process, sample
from scorecast.twin.instance import Twin, get_json, locked

Remark = Callable[[str], None]


class Progress(Protocol):
    """Shows the steps to the user: `with progress.step("deploy") as remark: ... remark("14 resources")`."""

    def step(self, title: str) -> AbstractContextManager[Remark]: ...


def up(twin: Twin, progress: Progress) -> deployment.StackState:
    """Start the engine, deploy the stack and write the sample data; return the stack."""
    with _alone(twin, progress):
        with progress.step("engine") as remark:
            remark(process.start(twin))
        state = _deploy_if_needed(twin, progress)
        with progress.step("sample data") as remark:
            is_new = sample.write(twin, state.outputs["MainTableName"])
            remark("" if is_new else "It was written before, and is not written again.")
        with progress.step("leaderboard") as remark:
            api = local_url(state.outputs["LeaderGetApi"], twin.endpoint)
            if is_new:
                sample.await_arrival(twin, api)
            elif get_json(api) is None:
                restart = f"`{typed('down')} && rm -r {twin.state_dir}`"
                remark(f"The API does not answer: see {twin.log_file}, or start from nothing: {restart}.")
    return state


def down(twin: Twin) -> bool:
    """Save and stop everything; return False if nothing was running."""
    return process.stop(twin)


def _alone(twin: Twin, progress: Progress) -> ExitStack:
    """Hold the lock of `up`; a second `up` waits, and then skips the completed steps."""
    lock = twin.state_dir / "up.lock"
    held = ExitStack()
    try:
        held.enter_context(locked(lock, wait=False))
    except BlockingIOError:
        with progress.step("waiting for another `scorecast up`"):
            held.enter_context(locked(lock, wait=True))
    except PermissionError as error:
        raise UserError(f"You may not write to {twin.state_dir}: change to a folder that you own.") from error
    return held


def _deploy_if_needed(twin: Twin, progress: Progress) -> deployment.StackState:
    source = twin.sources.fingerprint()
    state = deployment.describe(twin)
    if state.is_complete and state.source == source:
        return state
    with progress.step("build" if is_installed() else "build (sam build)"):
        deployment.build(twin)
    with progress.step("deploy (sam deploy)") as remark:
        remark(deployment.delete_unfinished(twin))
        deployment.deploy(twin, source)
    return deployment.describe(twin)
