"""The soak: many changes, with redrives in between, on a deployed twin whose functions' calls fail.

At the end the leaderboard must equal the main table, every change must have been on the bus, and no dead letter may be
left. `python -m tests.support.soak --help` lists the options.
"""

import argparse
import json
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.report.results import Row, progress, save, show
from scorecast.twin.instance import Twin
from tests.support.command import Scorecast
from tests.support.deployed import Stack, copy_repository, deployed, events_in_backup, free_port, read_stream, running
from tests.support.fakes import item
from tests.support.faulty_aws import FUNCTIONS, Plan, faulty
from tests.support.waiting import eventually

# A message whose function was killed comes back sooner than after 180 s, and becomes a dead letter after fewer receives
# than the template's.
VISIBILITY_S, RECEIVES = 3, 6
# The shortest age at which a trigger gives up a record.
MAX_AGE_S = 60
POISON, POISONOUS = "soak-poison", 10
DEADLINE_S = 1200.0


@dataclass(frozen=True)
class Wanted:
    """Settings: `faults` is the share of calls that fail, `rate` is in changes a second, `outage` adds an outage."""

    changes: int = 20_000
    faults: float = 0.05
    rate: float = 150.0
    seed: int = 1
    stubborn_per_cent: int = 1
    outage: bool = True


@dataclass
class Report:
    """The counts of a run; `lost` and `wrong` must be 0."""

    changes: int = 0
    calls: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    letters: Counter[str] = field(default_factory=Counter)
    redriven: int = 0
    repeated: int = 0
    lost: int = 0
    entries: int = 0
    wrong: int = 0
    seconds: int = 0

    def rows(self) -> list[Row]:
        """Return one row for each figure."""
        named = {"changes": self.changes, "calls of AWS": self.calls}
        named |= {f"injected: {kind}": count for kind, count in sorted(self.injected.items())}
        named |= {f"dead letters: {stage}": count for stage, count in sorted(self.letters.items())}
        named |= {"redriven": self.redriven, "events sent more than once": self.repeated, "lost": self.lost}
        named |= {"entries compared": self.entries, "wrong": self.wrong, "seconds": self.seconds}
        return [{"what": what, "count": count} for what, count in named.items()]


class Soak:
    """One run, on a stack that nothing else uses."""

    def __init__(self, stack: Stack, wanted: Wanted) -> None:
        self.stack, self.wanted, self.report = stack, wanted, Report()
        self.scorecast = Scorecast(stack.twin.port)
        self.plan = Plan(wanted.faults, wanted.seed, wanted.stubborn_per_cent)
        self._letters: dict[str, str] = {}

    def run(self) -> Report:
        """Load, fail, redrive, settle, and count."""
        started = time.monotonic()
        self._prepare()
        with faulty(self.stack, self.plan):
            load = self.scorecast.start("load", "--json", "--rate", str(self.wanted.rate), *self._load_options())
            self._poison({"S": "many"})
            self._redrive_and_interrupt()
            ended = json.loads(load.communicate()[0])
            self._until(lambda: set(self._letters.values()) | set(self._look()) >= {"fanout", "standings", "queue"})
            if self.wanted.outage:
                self._suffer_an_outage()
            progress("All is written; from now on every call succeeds.")
            self.plan.calm()
            self._settle()
        self._count(ended["written"], time.monotonic() - started)
        return self.report

    def _load_options(self) -> list[str]:
        given = {"changes": self.wanted.changes, "participants": max(100, self.wanted.changes // 10), "boards": 5}
        given |= {"seed": self.wanted.seed}
        return ["--no-wait", *(text for name, value in given.items() for text in (f"--{name}", str(value)))]

    def _prepare(self) -> None:
        sqs, queue, name = self.stack.client("sqs"), self.stack.outputs["ConsumerQueueUrl"], "RedrivePolicy"
        usual = json.loads(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[name])["Attributes"][name])
        changed = {name: json.dumps(usual | {"maxReceiveCount": RECEIVES}), "VisibilityTimeout": str(VISIBILITY_S)}
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=changed)

    def _set_trigger(self, **settings: int) -> None:
        functions, name = self.stack.client("lambda"), self.stack.outputs[FUNCTIONS[0]]
        [mapping] = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        functions.update_event_source_mapping(UUID=mapping["UUID"], **settings)

    def _poison(self, score: dict[str, str]) -> None:
        """Write some items with this score: one that is not a number, or a good one."""
        for number in range(POISONOUS):
            one = item(f"soak-{number}", POISON) | {"projectScore": score}
            self.stack.client("dynamodb").put_item(TableName=self.stack.outputs["MainTableName"], Item=one)

    # ------------------------------------------------------------ while calls fail

    def _redrive_and_interrupt(self) -> None:
        """Redrive while changes are still being written, and interrupt it with Ctrl-C."""
        eventually(lambda: self._expect(sum(self._look().values()) >= 3), DEADLINE_S)
        redrive = self.scorecast.start("dlq", "redrive", "--rate", "1", "--json")
        # It may have ended before its first message was seen; then there is nothing to interrupt.
        eventually(lambda: self._expect(self._hidden() > 0 or redrive.poll() is not None))
        redrive.send_signal(signal.SIGINT)
        said, complaints = redrive.communicate()
        assert said, complaints
        self.report.redriven += json.loads(said)["sent"]

    def _suffer_an_outage(self) -> None:
        """Let bus and dead-letter queue refuse everything until the trigger has given up a batch."""
        self._set_trigger(MaximumRecordAgeInSeconds=MAX_AGE_S)
        self.plan.out |= {"PutEvents", "SendMessageBatch"}
        progress("Bus and dead-letter queue refuse everything until the trigger gives up a batch.")
        self._write_until_given_up()
        self.plan.out.clear()
        self._set_trigger(MaximumRecordAgeInSeconds=86400)

    def _write_until_given_up(self) -> None:
        self._poison({"N": "1"})
        eventually(lambda: self._expect(self._look()["stream"] > 0), DEADLINE_S)
        self._poison({"S": "many"})

    # ------------------------------------------------------------ after the faults

    def _settle(self) -> None:
        """Correct the poison, redrive until only its letters are left and the tables agree, then purge them."""
        self._poison({"N": "2"})
        self._until(lambda: self._redrive() <= {"standings"} and self._is_clean())
        self._until(lambda: self._purge() and self._is_clean())

    def _purge(self) -> bool:
        """Purge the poison; return whether no letter is left. What was redriven last may come after a purge."""
        self.scorecast.ok("dlq", "purge", "--board", POISON, "--yes")
        return not self._look()

    def _redrive(self) -> set[str]:
        """Redrive once; return the stages of the letters found before."""
        found = set(self._look())
        self.report.redriven += json.loads(self.scorecast.run("dlq", "redrive", "--json").stdout)["sent"]
        return found

    def _is_clean(self) -> bool:
        answer = json.loads(self.scorecast.run("verify", "--json", "--settle", "2", "--limit", "0").stdout)
        self.report.entries = answer["entries"]
        self.report.wrong = sum(answer[kind] for kind in ("missing", "extra", "stale", "miscounts"))
        progress(f"{answer['entries']} entries, {self.report.wrong} wrong; dead letters: {dict(self._look())}")
        return self.report.wrong == 0

    def _until(self, check: Callable[[], bool]) -> None:
        eventually(lambda: self._expect(check()), DEADLINE_S)

    # ------------------------------------------------------------ counting

    def _count(self, written: int, seconds: float) -> None:
        report, letters = self.report, Counter(self._letters.values())
        report.changes, report.calls, report.seconds = written, self.plan.calls.total(), round(seconds)
        for (_, fault), count in self.plan.injected.items():
            report.injected[fault] += count
        report.letters = letters
        happened = {one["eventID"] for one in read_stream(self.stack).records}

        def all_published() -> None:
            published = Counter(event["detail"]["id"] for event in events_in_backup(self.stack))
            report.lost = len(happened - published.keys())
            report.repeated = sum(count > 1 for count in published.values())
            self._expect(report.lost == 0)

        eventually(all_published)

    def _look(self) -> Counter[str]:
        """Count the dead letters by stage, and remember each."""
        letters = self.scorecast.json("dlq", "show", "--limit", "1000000")["letters"]
        self._letters |= {one["messageId"]: one["stage"] for one in letters}
        return Counter(one["stage"] for one in letters)

    def _hidden(self) -> int:
        name = "ApproximateNumberOfMessagesNotVisible"
        url = self.stack.outputs["FanoutDlqUrl"]
        answer = self.stack.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(answer["Attributes"][name])

    @staticmethod
    def _expect(is_so: bool) -> None:
        assert is_so


def main() -> None:
    """Run the soak with the options of the command line, and show or save the report."""
    usual = Wanted()
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.soak", description="Run the soak on a twin of its own."
    )
    parser.add_argument("--changes", type=int, default=usual.changes, help="how many changes; %(default)s")
    parser.add_argument("--faults", type=float, default=usual.faults, help="share of calls that fail; %(default)s")
    parser.add_argument("--rate", type=float, default=usual.rate, help="changes a second; %(default)s")
    parser.add_argument("--seed", type=int, default=usual.seed, help="of changes and faults; %(default)s")
    parser.add_argument("--no-outage", dest="outage", action="store_false", help="without one of bus and queue")
    parser.add_argument("--save", action="store_true", help="keep the report in bench/results/soak.json")
    arguments = vars(parser.parse_args())
    is_kept = arguments.pop("save")
    with tempfile.TemporaryDirectory(prefix="scorecast-soak-") as folder:
        repository = copy_repository(Path(folder) / "repository")
        with running(Twin(root=repository, state_dir=Path(folder) / "twin", port=free_port())) as twin:
            rows = Soak(deployed(twin), Wanted(**arguments)).run().rows()
    if is_kept:
        save("soak", rows)
    else:
        show("soak", rows)


if __name__ == "__main__":
    main()
