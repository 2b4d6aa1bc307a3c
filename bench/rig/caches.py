"""HTTP caches of the Debian packages nginx-light and varnish, on a free port before an origin, and always stopped.

The origin's Cache-Control decides how long they keep an answer. Both collapse requests for the same answer: one goes to
the origin, the others wait for it, or get the answer that has just expired.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.rig.dynamodb_local import free_port, wait_for

CONNECTIONS = 8192
STOPPED_WITHIN_S = 10

# proxy_cache_lock collapses requests for an answer that is not there yet, proxy_cache_use_stale those for one that has
# expired: without it, nginx sends all of them to the origin if that takes longer than stale-while-revalidate allows.
_NGINX = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    keepalive_requests 1000000;
    proxy_cache_path {folder}/cache keys_zone=answers:10m;
    {temporary}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://127.0.0.1:{origin};
            proxy_cache answers;
            proxy_cache_key $request_uri;
            proxy_cache_lock on;
            proxy_cache_lock_timeout 30s;
            proxy_cache_lock_age 30s;
            proxy_cache_use_stale updating;
            proxy_cache_background_update on;
            proxy_cache_revalidate on;
        }}
    }}
}}
"""
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def what_is_missing() -> str | None:
    """Say what is missing here and how to get it; None if nothing is."""
    for program, package in (("nginx", "nginx-light"), ("varnishd", "varnish")):
        if _path_of(program) is None:
            return f"there is no {program}: install it (on Debian and Ubuntu: apt-get install {package})"
    return None


@contextmanager
def running(cache: str, origin: int) -> Iterator[int]:
    """Run a cache before the origin's port; yields its own port."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="scorecast-") as made:
        command = COMMANDS[cache](Path(made), port, origin)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                wait_for(cache, port)
                yield port
            finally:
                process.terminate()
                process.wait(STOPPED_WITHIN_S)


def _nginx(folder: Path, port: int, origin: int) -> list[str]:
    folder.chmod(0o755)  # started by root, nginx works as another user
    temporary = " ".join(f"{name}_temp_path {folder}/{name};" for name in _TEMPORARY)
    written = _NGINX.format(folder=folder, connections=CONNECTIONS, temporary=temporary, port=port, origin=origin)
    (folder / "conf").write_text(written, encoding="utf-8")
    return [str(_path_of("nginx")), "-c", str(folder / "conf"), "-e", str(folder / "error.log")]


def _varnish(folder: Path, port: int, origin: int) -> list[str]:
    folder.chmod(0o755)
    parameters = ["-p", "default_ttl=0", "-p", "default_grace=0", "-p", "default_keep=10", "-p", "thread_pool_max=1000"]
    where = ["-a", f"127.0.0.1:{port}", "-b", f"127.0.0.1:{origin}", "-n", str(folder / "varnish")]
    return [str(_path_of("varnishd")), "-F", *where, "-s", "malloc,64m", *parameters]


def _path_of(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")


COMMANDS: dict[str, Callable[[Path, int, int], list[str]]] = {"nginx": _nginx, "varnish": _varnish}
