"""A proxy between the deployed functions and the engine that makes a share of the calls fail.

The functions' AWS_ENDPOINT_URL points here, so the code, the template and the engine are the usual ones. Calls fail in
the ways of chaos.py. Killing the process that made a call needs Linux's /proc.
"""

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any
from zlib import crc32

from tests.support.deployed import Stack
from tests.support.fault_schedule import FAULTS

Json = dict[str, Any]
FUNCTIONS = ("FanoutLambdaName", "ConsumerLambdaName", "LeaderGet")
# Longer than any function waits for an answer.
HANGUP_S = 30
_FAILURES = {"throttle": ("ThrottlingException", 400), "fail": ("InternalFailure", 500)}
# S3 alone uses methods other than POST.
S3_OPERATIONS = {"GET": "GetObject", "PUT": "PutObject"}


@dataclass(frozen=True)
class Call:
    """A function's call of AWS, the port it came from, and a connection to the engine."""

    operation: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    port: int
    engine: HTTPConnection

    @property
    def parameters(self) -> Json:
        return dict(json.loads(self.body))


@dataclass(frozen=True)
class Answer:
    """The answer to a call."""

    status: int
    content: bytes


class HangUp(Exception):
    """The call gets no answer."""


class Stall(Exception):
    """The call gets no answer before its caller times out."""


@dataclass
class Plan:
    """Which calls fail, and how: a share `rate` of all calls by one of `kinds`, and every operation in `out`.

    The bus always refuses `stubborn_per_cent` of the changes, and the leaderboard table the entries of as many
    participants; they are the same ones every time.
    """

    rate: float = 0.0
    seed: int = 1
    stubborn_per_cent: int = 0
    kinds: tuple[str, ...] = FAULTS
    out: set[str] = field(default_factory=set)
    calls: Counter[str] = field(default_factory=Counter)
    injected: Counter[tuple[str, str]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)

    def calm(self) -> None:
        """Let every call succeed from now on."""
        self.rate, self.stubborn_per_cent = 0.0, 0
        self.out.clear()

    def next(self, operation: str) -> str | None:
        """Return the fault of the next call of an operation, if any."""
        with self._lock:
            is_faulty = self._random.random() < self.rate
            fault = "throttle" if operation in self.out else self._random.choice(self.kinds) if is_faulty else None
            if fault == "some entries" and operation not in _SOME:
                fault = "throttle"
        return self.note(operation, fault) if fault else None

    def note(self, operation: str, fault: str) -> str:
        with self._lock:
            self.injected[operation, fault] += 1
        return fault

    def count(self, operation: str) -> None:
        """Count a call that has come to its end."""
        with self._lock:
            self.calls[operation] += 1

    def is_stubborn(self, name: str | None) -> bool:
        """Whether the change or entry of this name is always refused."""
        return name is not None and crc32(name.encode()) % 100 < self.stubborn_per_cent


class FaultyAws:
    """Answers calls: with the engine's answer, or with a fault of the plan."""

    def __init__(self, stack: Stack, plan: Plan) -> None:
        self.plan, self.engine_port = plan, stack.twin.port
        self._events, self._sqs = stack.client("events"), stack.client("sqs")

    def answer(self, call: Call) -> Answer:
        """Answer a call, and count it; raise HangUp or Stall if it gets no answer."""
        try:
            return self._answer(call, self.plan.next(call.operation))
        finally:
            self.plan.count(call.operation)

    def _answer(self, call: Call, fault: str | None) -> Answer:
        if fault in _FAILURES:
            return refusal_of_s3("SlowDown", 503) if call.method in S3_OPERATIONS else refusal(*_FAILURES[fault])
        if fault == "time out":
            raise Stall
        if fault == "some entries":
            return _SOME[call.operation](self, call)
        if fault == "kill before":
            kill(call.port)
        if fault in (None, "lose the answer", "kill after"):
            answer = self._pass_on_all(call)
        if fault == "kill after":
            kill(call.port)
        if fault is not None:
            raise HangUp
        return answer

    def _pass_on_all(self, call: Call) -> Answer:
        """Refuse the stubborn entries, and pass the others on."""
        if call.operation not in _STUBBORN or not self.plan.stubborn_per_cent:
            return self._pass_on(call)
        name, name_of, refuse = _STUBBORN[call.operation]
        stubborn = [self.plan.is_stubborn(name_of(one)) for one in call.parameters[name]]
        if not any(stubborn):
            return self._pass_on(call)
        self.plan.note(call.operation, "stubborn entry")
        return refuse(self, call, stubborn)

    def _pass_on(self, call: Call) -> Answer:
        try:
            call.engine.request(call.method, call.path, call.body, call.headers)
            response = call.engine.getresponse()
            return Answer(response.status, response.read())
        except OSError:
            call.engine.close()
            raise HangUp from None

    # ------------------------------------------------------------ failing by entry

    def put_events_but(self, call: Call, refused: list[bool]) -> Answer:
        """Let the bus accept some entries, and refuse the others."""
        entries = call.parameters["Entries"]
        taken = [entry for entry, is_refused in zip(entries, refused, strict=True) if not is_refused]
        results = iter(self._events.put_events(Entries=taken)["Entries"] if taken else [])
        failure = {"ErrorCode": "MalformedDetail", "ErrorMessage": "as told"}
        answers = [failure if is_refused else next(results) for is_refused in refused]
        return answered({"FailedEntryCount": sum(refused), "Entries": answers})

    def throttle_puts(self, _call: Call, refused: list[bool]) -> Answer:
        """Cancel the transaction, because the table throttles some entries."""
        return cancelled(["ThrottlingError" if is_refused else "None" for is_refused in refused])

    def put_half(self, call: Call) -> Answer:
        count = len(call.parameters["Entries"])
        return self.put_events_but(call, [at >= count // 2 for at in range(count)])

    def send_half(self, call: Call) -> Answer:
        parameters = call.parameters
        half = len(parameters["Entries"]) // 2
        taken, refused = parameters["Entries"][:half], parameters["Entries"][half:]
        if taken:
            self._sqs.send_message_batch(QueueUrl=parameters["QueueUrl"], Entries=taken)
        failed = [{"Id": one["Id"], "Code": "InternalError", "SenderFault": False} for one in refused]
        return answered({"Successful": [{"Id": one["Id"]} for one in taken], "Failed": failed})

    def conflict(self, call: Call) -> Answer:
        """Cancel the transaction, because another one holds the first item."""
        count = len(call.parameters["TransactItems"])
        return cancelled(["TransactionConflict"] + ["None"] * (count - 1))

    def read_none(self, call: Call) -> Answer:
        """Leave all keys unprocessed."""
        return answered({"Responses": {}, "UnprocessedKeys": call.parameters["RequestItems"]})


def _change_of(entry: Json) -> str:
    return str(json.loads(entry["Detail"])["id"])


def _participant_of(action: Json) -> str | None:
    """Return whose entry an action of a transaction puts; None if it updates a counter."""
    return action["Put"]["Item"]["id"]["S"] if "Put" in action else None


_SOME: dict[str, Callable[[FaultyAws, Call], Answer]] = {
    "PutEvents": FaultyAws.put_half,
    "SendMessageBatch": FaultyAws.send_half,
    "TransactWriteItems": FaultyAws.conflict,
    "BatchGetItem": FaultyAws.read_none,
}
# For an operation: the parameter that holds the entries, an entry's name, and the answer if some are stubborn.
_STUBBORN: dict[str, tuple[str, Callable[[Json], str | None], Callable[[FaultyAws, Call, list[bool]], Answer]]] = {
    "PutEvents": ("Entries", _change_of, FaultyAws.put_events_but),
    "TransactWriteItems": ("TransactItems", _participant_of, FaultyAws.throttle_puts),
}


def answered(document: Json, status: int = 200) -> Answer:
    return Answer(status, json.dumps(document).encode())


def refusal(code: str, status: int = 400, **more: Any) -> Answer:
    return answered({"__type": code, "message": "as told"} | more, status)


def refusal_of_s3(code: str, status: int) -> Answer:
    return Answer(status, f"<Error><Code>{code}</Code><Message>as told</Message></Error>".encode())


def cancelled(codes: list[str]) -> Answer:
    """Answer that a transaction was cancelled, with a reason for each action."""
    reasons = [{"Code": code} | ({} if code == "None" else {"Message": "as told"}) for code in codes]
    return refusal("TransactionCanceledException", CancellationReasons=reasons)


# ---------------------------------------------------------------- killing the caller


def kill(port: int) -> None:
    """Kill -9 the process whose connection comes from this port."""
    with suppress(ProcessLookupError):
        os.kill(caller(port), signal.SIGKILL)


def caller(port: int) -> int:
    """Find the process whose end of a connection has this port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    [inode] = [row[9] for row in rows if int(row[1].partition(":")[2], 16) == port and row[9] != "0"]
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if str(link.readlink()) == f"socket:[{inode}]":
                return int(link.parts[2])
    raise ProcessLookupError(port)


# ---------------------------------------------------------------- the server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = HANGUP_S
    aws: FaultyAws

    def setup(self) -> None:
        super().setup()
        self.engine = HTTPConnection("127.0.0.1", self.aws.engine_port, timeout=HANGUP_S)

    def finish(self) -> None:
        self.engine.close()
        super().finish()

    def do_POST(self) -> None:
        self._handle(self.headers["X-Amz-Target"].rpartition(".")[2])

    def do_GET(self) -> None:
        self._handle(S3_OPERATIONS[self.command])

    def do_PUT(self) -> None:
        self.do_GET()

    def _handle(self, operation: str) -> None:
        headers = dict(self.headers.items())
        body = self.rfile.read(int(headers.get("Content-Length", 0)))
        call = Call(operation, self.command, self.path, headers, body, self.client_address[1], self.engine)
        try:
            answer = self.aws.answer(call)
        except (HangUp, Stall) as silence:
            self.close_connection = True
            if isinstance(silence, Stall):
                self.connection.recv(1)  # returns when the caller hangs up
            return
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """Ignore broken connections: a killed caller leaves one."""


@contextmanager
def faulty(stack: Stack, plan: Plan) -> Iterator[FaultyAws]:
    """Send all functions' calls through a proxy whose plan may be replaced; afterwards, to the engine again."""
    aws = FaultyAws(stack, plan)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"aws": aws}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        point_functions(stack, AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.server_port}")
        yield aws
    finally:
        point_functions(stack)
        server.shutdown()
        server.server_close()
        thread.join()


def point_functions(stack: Stack, **to: str) -> None:
    """Set the functions' AWS_ENDPOINT_URL; without one, they use the engine's."""
    functions = stack.client("lambda")
    for output in FUNCTIONS:
        name = stack.outputs[output]
        variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        kept = {key: value for key, value in variables.items() if key != "AWS_ENDPOINT_URL"}
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": kept | to})
