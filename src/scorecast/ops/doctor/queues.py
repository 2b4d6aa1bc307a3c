"""Checks of the two queues: their settings, the backlog, and the dead letters."""

from __future__ import annotations

import json

from scorecast.ops.doctor.finding import Problem, Verdict, fault
from scorecast.ops.doctor.system import System
from scorecast.ops.stack.newest_metric import newest_maximum

# As in the template: failed messages come back within seconds, so a smaller number of receives may run out while a
# board is busy.
LEAST_RECEIVES = 100
# The longest that SQS keeps a message.
DEAD_LETTER_AGE_S = 14 * 86_400
# The default of the alarm LeaderboardLagAlarm.
LAG_S = 120


def check_consumer_queue(system: System) -> Verdict:
    """A message that is not processed moves to the dead-letter queue, early enough to be investigated there."""
    attributes, dead = system.queue_attributes("ConsumerQueueUrl"), system.queue_attributes("FanoutDlqUrl")
    set_queue = f"`aws sqs set-queue-attributes --queue-url {system.output('ConsumerQueueUrl')} --attributes"
    redrive = json.loads(attributes.get("RedrivePolicy") or "{}")
    receives = int(redrive.get("maxReceiveCount", 0))
    problems = []
    if redrive.get("deadLetterTargetArn") != system.dead_letters:
        policy = json.dumps({"deadLetterTargetArn": system.dead_letters, "maxReceiveCount": LEAST_RECEIVES})
        value = json.dumps({"RedrivePolicy": policy})
        problems.append(
            Problem("it has no redrive policy to the dead-letter queue, so a message that fails is lost in the end",
                    f"Run {set_queue} '{value}'`.")
        )  # fmt: skip
    elif receives < LEAST_RECEIVES:
        problems.append(
            Problem(f"a message is dead after {receives} receives, so a busy board makes dead letters",
                    f"Set maxReceiveCount of its RedrivePolicy to at least {LEAST_RECEIVES}.")
        )  # fmt: skip
    name = system.function_name("ConsumerLambda")
    timeout_s = int(system.client("lambda").get_function_configuration(FunctionName=name)["Timeout"])
    hidden_s = int(attributes["VisibilityTimeout"])
    if hidden_s < timeout_s:
        found = f"a message is visible again after {hidden_s} s, before ConsumerLambda's timeout of {timeout_s} s"
        problems.append(Problem(found, f"Run {set_queue} VisibilityTimeout={6 * timeout_s}`."))
    kept_s, dead_s = int(attributes["MessageRetentionPeriod"]), int(dead["MessageRetentionPeriod"])
    if kept_s >= dead_s:
        # A message keeps its first enqueue time when it moves to the dead-letter queue.
        found = f"it keeps messages for {_days(kept_s)}, so they can expire in the dead-letter queue at once"
        problems.append(Problem(found, f"Run {set_queue} MessageRetentionPeriod=345600`."))
    return Verdict(f"keeps messages for {_days(kept_s)}; dead after {receives} receives", tuple(problems))


def check_dead_letter_queue(system: System) -> Verdict:
    """The dead-letter queue keeps letters for 14 days."""
    kept_s = int(system.queue_attributes("FanoutDlqUrl")["MessageRetentionPeriod"])
    if kept_s < DEAD_LETTER_AGE_S:
        command = (
            f"`aws sqs set-queue-attributes --queue-url {system.output('FanoutDlqUrl')} "
            f"--attributes MessageRetentionPeriod={DEAD_LETTER_AGE_S}`"
        )
        return fault(f"it keeps letters for {_days(kept_s)} only", f"Run {command}.")
    return Verdict(f"keeps letters for {_days(kept_s)}")


def check_backlog(system: System) -> Verdict:
    """No changes wait for ConsumerLambda, and no records for FanoutLambda."""
    attributes = system.queue_attributes("ConsumerQueueUrl")
    waiting = int(attributes["ApproximateNumberOfMessages"])
    cloudwatch = system.client("cloudwatch")
    queue = system.output("ConsumerQueueUrl").rpartition("/")[2]
    age_s = newest_maximum(cloudwatch, "AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": queue})
    function = system.function_name("FanoutLambda")
    behind_ms = newest_maximum(cloudwatch, "AWS/Lambda", "IteratorAge", {"FunctionName": function})
    problems = []
    if behind_ms is not None and behind_ms > LAG_S * 1000:
        found = f"FanoutLambda is {behind_ms / 1000:,.0f} s behind the stream"
        problems.append(Problem(found, "Read FanoutLambda's log, and the runbook at StreamLagAlarm."))
    if age_s is not None and age_s > LAG_S:
        found = f"the oldest of {waiting:,} changes has waited {age_s:,.0f} s for ConsumerLambda"
        problems.append(Problem(found, "Read ConsumerLambda's log, and the runbook at LeaderboardLagAlarm."))
    age = "no age is known" if age_s is None else f"the oldest for {age_s:,.0f} s"
    return Verdict(f"{waiting:,} changes wait; {age}", tuple(problems))


def check_dead_letters(system: System) -> Verdict:
    """There are no dead letters."""
    attributes = system.queue_attributes("FanoutDlqUrl")
    count = sum(int(attributes[f"ApproximateNumberOfMessages{state}"]) for state in ("", "NotVisible"))
    if count:
        letters = "1 dead letter" if count == 1 else f"{count:,} dead letters"
        return fault(f"{letters} in the queue", "`scorecast dlq list` counts them by stage and error code.")
    return Verdict("none")


def _days(seconds: int) -> str:
    days = seconds / 86_400
    return "1 day" if days == 1 else f"{days:.3g} days"
