"""The engine's process: MiniStack with its patches, until it is asked to stop.

Run as `python -m scorecast.twin.engine STATE_DIR` with the environment that `process.start` makes. It takes the
lock, detaches from its caller, and on SIGTERM saves its state and stops.
"""

import asyncio
import fcntl
import json
import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scorecast.twin.instance import code_hash, lock_file, note_file

ALREADY_RUNNING = 3


def main(state_dir: Path) -> None:
    """Take the lock, detach, and run; exits with ALREADY_RUNNING if another engine has the lock."""
    try:
        _lock_for_life(lock_file(state_dir))
    except BlockingIOError:
        sys.exit(ALREADY_RUNNING)
    _detach()
    _note(state_dir)
    _run()
    note_file(state_dir).unlink()


def _lock_for_life(path: Path) -> None:
    """Take a lock that only the end of the process releases, so when it is free, the engine has finished writing.

    A file object would not do: Python closes it, and so releases the lock, while the process is still ending.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fcntl.flock(os.open(path, os.O_WRONLY | os.O_CREAT), fcntl.LOCK_EX | fcntl.LOCK_NB)


def _detach() -> None:
    """Detach from the caller's process tree and terminal; the child keeps the lock."""
    if os.fork():
        os._exit(0)
    os.setsid()


def _note(state_dir: Path) -> None:
    note = {"pid": os.getpid(), "port": int(os.environ["GATEWAY_PORT"]), "code": code_hash()}
    note_file(state_dir).write_text(json.dumps(note))


def _run() -> None:
    # Imported late: MiniStack takes half a second to load, and reads its settings while loading.
    import hypercorn.asyncio
    from ministack import app

    from scorecast.twin import function_patches, patches

    patches.apply()
    hypercorn.asyncio.serve = _serve
    sys.argv = sys.argv[:1]  # MiniStack also reads the command line
    try:
        app.main()
    finally:
        function_patches.stop_workers()


async def _serve(asgi_app: Any, config: Any) -> None:
    """Serve until SIGTERM or SIGINT, then stop once the running functions have finished.

    MiniStack's own server, hypercorn, takes twice as much CPU time for a small request as uvicorn with httptools.
    """
    from scorecast.twin import function_patches

    server = _server(asgi_app, config)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    async def stop_when_settled() -> None:
        await stop.wait()
        await asyncio.to_thread(function_patches.settle)
        server.should_exit = True

    stopping = asyncio.create_task(stop_when_settled())
    await server.serve()
    stopping.cancel()


def _server(asgi_app: Any, settings: Any) -> Any:
    """Make the server with the settings that MiniStack has for its own server."""
    import uvicorn

    class Server(uvicorn.Server):
        """A server that leaves the signals to the engine."""

        @contextmanager
        def capture_signals(self) -> Generator[None, None, None]:
            yield

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await asgi_app(scope, receive, send)  # uvicorn would mistake a partial function for a factory

    host, _, port = settings.bind[0].rpartition(":")
    config = uvicorn.Config(
        application,
        host,
        int(port),
        lifespan="on",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        # AWS sends no such header, and MiniStack sends the date itself.
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=settings.keep_alive_timeout,
        timeout_graceful_shutdown=settings.graceful_timeout,
    )
    return Server(config)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
