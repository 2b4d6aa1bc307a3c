"""AWS as it is on a bad day: a proxy between the deployed functions and the engine, which knows nothing of it.

The functions are led here by their AWS_ENDPOINT_URL, so that the code, the template and the engine are those of every
day. Each call passes through, and a share of them fails as in chaos.py beside it. It wants Linux's /proc to find the
process that made a call, which is the one to kill.
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
# S3 alone is spoken to by other methods than POST.
S3_OPERATIONS = {"GET": "GetObject", "PUT": "PutObject"}


@dataclass(frozen=True)
class Call:
    """A function's call of AWS, the port it came from, and the connection by which it can be passed on."""

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
    """What a call is answered."""

    status: int
    content: bytes


class HangUp(Exception):
    """The call gets no answer."""


class Stall(Exception):
    """The call gets no answer before its caller has lost patience."""


@dataclass
class Plan:
    """Which call fails, and how: `rate` of all calls by one of `kinds`, and those in `out` while they are there.

    Of a hundred changes `stubborn_per_cent` are refused by the bus whenever they are sent, and of a hundred
    participants the entries are refused by the leaderboard table; the same ones every time.
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
        """From now on all is well."""
        self.rate, self.stubborn_per_cent = 0.0, 0
        self.out.clear()

    def next(self, operation: str) -> str | None:
        """The fault of the next call of an operation."""
        with self._lock:
            self.calls[operation] += 1
            is_faulty = self._random.random() < self.rate
            fault = "throttle" if operation in self.out else self._random.choice(self.kinds) if is_faulty else None
            if fault == "some entries" and operation not in _SOME:
                fault = "throttle"
        return self.note(operation, fault) if fault else None

    def note(self, operation: str, fault: str) -> str:
        with self._lock:
            self.injected[operation, fault] += 1
        return fault

    def is_stubborn(self, name: str | None) -> bool:
        """Whether what has this name is one of those that are always refused."""
        return name is not None and crc32(name.encode()) % 100 < self.stubborn_per_cent


class FaultyAws:
    """The proxy's side that talks to the engine; `answer` is what a call gets."""

    def __init__(self, stack: Stack, plan: Plan) -> None:
        self.plan, self.engine_port = plan, stack.twin.port
        self._events, self._sqs = stack.client("events"), stack.client("sqs")

    def answer(self, call: Call) -> Answer:
        """Answer a call; HangUp or Stall where it gets none."""
        fault = self.plan.next(call.operation)
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
        """What is stubborn is refused; the rest takes its way."""
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
        """Let the bus take some entries, and refuse the others."""
        entries = call.parameters["Entries"]
        taken = [entry for entry, is_refused in zip(entries, refused, strict=True) if not is_refused]
        results = iter(self._events.put_events(Entries=taken)["Entries"] if taken else [])
        failure = {"ErrorCode": "InternalFailure", "ErrorMessage": "as told"}
        answers = [failure if is_refused else next(results) for is_refused in refused]
        return answered({"FailedEntryCount": sum(refused), "Entries": answers})

    def throttle_puts(self, _call: Call, refused: list[bool]) -> Answer:
        """The table is too busy for some entries, so nothing of the transaction is made."""
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
        """Another transaction is at work on the first item."""
        count = len(call.parameters["TransactItems"])
        return cancelled(["TransactionConflict"] + ["None"] * (count - 1))

    def read_none(self, call: Call) -> Answer:
        """DynamoDB is too busy to read any of the keys."""
        return answered({"Responses": {}, "UnprocessedKeys": call.parameters["RequestItems"]})


def _change_of(entry: Json) -> str:
    return str(json.loads(entry["Detail"])["id"])


def _participant_of(action: Json) -> str | None:
    """Whose entry an action of a transaction puts; None where it counts."""
    return action["Put"]["Item"]["id"]["S"] if "Put" in action else None


_SOME: dict[str, Callable[[FaultyAws, Call], Answer]] = {
    "PutEvents": FaultyAws.put_half,
    "SendMessageBatch": FaultyAws.send_half,
    "TransactWriteItems": FaultyAws.conflict,
    "BatchGetItem": FaultyAws.read_none,
}
# Where the entries of a call are, what each is named by, and what becomes of the call if some are stubborn.
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
    """A transaction that was not made, with the reason of each action."""
    reasons = [{"Code": code} | ({} if code == "None" else {"Message": "as told"}) for code in codes]
    return refusal("TransactionCanceledException", CancellationReasons=reasons)


# ---------------------------------------------------------------- killing who called


def kill(port: int) -> None:
    """Kill -9 the process whose connection comes from this port."""
    with suppress(ProcessLookupError):
        os.kill(caller(port), signal.SIGKILL)


def caller(port: int) -> int:
    """The process that has the port as its end of a connection."""
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
        """A caller that is killed breaks its connection; that is what was wanted."""


@contextmanager
def faulty(stack: Stack, plan: Plan) -> Iterator[FaultyAws]:
    """Lead all functions' calls through the plan, which may be exchanged; at the end as it was."""
    aws = FaultyAws(stack, plan)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"aws": aws}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        lead(stack, AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.server_port}")
        yield aws
    finally:
        lead(stack)
        server.shutdown()
        server.server_close()
        thread.join()


def lead(stack: Stack, **to: str) -> None:
    """Set where the functions find AWS; left away, at the engine."""
    functions = stack.client("lambda")
    for output in FUNCTIONS:
        name = stack.outputs[output]
        variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        kept = {key: value for key, value in variables.items() if key != "AWS_ENDPOINT_URL"}
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": kept | to})
