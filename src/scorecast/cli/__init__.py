"""The command `scorecast`: thin commands over ops and twin. Expected failures print one sentence, never a traceback."""

from __future__ import annotations

import sys

import click

from scorecast.cli.command import LazyCommand, LazyGroup
from scorecast.errors import ScorecastError
from scorecast.ops.stack.exit_codes import ExitCode

COMMANDS = {
    "Twin": {
        "up": LazyCommand("scorecast.cli.twin:up", "Start the local twin, deploy to it and write sample data."),
        "down": LazyCommand("scorecast.cli.twin:down", "Save the local twin's data and stop it."),
        "status": LazyCommand("scorecast.cli.twin:status", "Show what runs, what is deployed and where the API is."),
        "env": LazyCommand("scorecast.cli.env:env", "Print shell variables that point aws, sam and boto3 at the twin."),
    },
    "Boards": {
        "top": LazyCommand("scorecast.cli.board:top", "Show the best entries of a board, or list all boards."),
        "rank": LazyCommand("scorecast.cli.board:rank", "Show a participant's rank and neighbours on a board."),
        "score": LazyCommand("scorecast.cli.board:score", "Write or delete a score and wait until the board shows it."),
        "boards": LazyCommand("scorecast.cli.boards:boards", "Declare how boards rank and when they close."),
        "export": LazyCommand("scorecast.cli.files:export", "Write a board to a file, with ranks: CSV or JSON."),
        "import": LazyCommand("scorecast.cli.files:import_", "Write the scores of a file to the main table."),
        "load": LazyCommand("scorecast.cli.load:load", "Write realistic score changes and check that all arrived."),
        "cost": LazyCommand("scorecast.cli.cost:cost", "Estimate a month's bill, beside three other designs."),
    },
    "Consumers": {
        "consumers": LazyCommand("scorecast.cli.consumers:consumers", "Send events of the bus to targets of your own."),
        "replay": LazyCommand("scorecast.cli.replay:replay", "Send the changes of a time to one consumer again."),
    },
    "Repair": {
        "doctor": LazyCommand("scorecast.cli.doctor:doctor", "Check a deployed stack and follow an item through it."),
        "trace": LazyCommand("scorecast.cli.trace:trace", "Find a change: bus, backup, dead letters, board."),
        "verify": LazyCommand("scorecast.cli.verify:verify", "Compare the leaderboard with the main table."),
        "dlq": LazyCommand("scorecast.cli.dlq:dlq", "Inspect, redrive and delete dead letters."),
        "backfill": LazyCommand("scorecast.cli.recovery:backfill", "Publish every item of the main table to the bus."),
        "restore": LazyCommand("scorecast.cli.recovery:restore", "Restore items from the backup in S3."),
        "forget": LazyCommand("scorecast.cli.forget:forget", "Erase a participant: tables, dead letters and backup."),
        "rebuild": LazyCommand("scorecast.cli.rebuild:rebuild", "Count all entries again and correct the index."),
    },
}

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 110, "show_default": True}


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings=SETTINGS)
@click.version_option(package_name="scorecast", message="scorecast %(version)s")
def app() -> None:
    """Every change of a DynamoDB table as an event on a bus, and live, exact leaderboards from them."""


def main() -> None:
    """Run the command line."""
    try:
        sys.exit(app.main(prog_name="scorecast", standalone_mode=False))
    except click.Abort:
        _fail("Stopped.", ExitCode.INTERRUPTED)
    except click.UsageError as error:
        _fail(_usage(error), ExitCode.USAGE)
    except ScorecastError as error:
        _fail(str(error), getattr(error, "exit_code", ExitCode.FAILED))
    except Exception as error:
        # Imported late: the SDK takes longer to load than most of these commands to run.
        from scorecast.ops.stack.aws_errors import explain, is_of_sdk

        if not is_of_sdk(error):
            raise
        explained = explain(error)
        _fail(str(explained), explained.exit_code)


def _usage(error: click.UsageError) -> str:
    """Say what is wrong with the command line, and where to find its help."""
    message = error.format_message().rstrip(".")
    if isinstance(error, click.NoSuchOption):
        near = f": did you mean {' or '.join(error.possibilities)}?" if error.possibilities else ""
        message = f"There is no option {error.option_name}{near}"
    command = error.ctx.command_path if error.ctx else "scorecast"
    return f"{message}{'' if message.endswith('?') else '.'} `{command} --help` shows the usage."


def _fail(message: str, exit_code: int) -> None:
    print(f"{click.style('scorecast:', fg='red') if sys.stderr.isatty() else 'scorecast:'} {message}", file=sys.stderr)
    sys.exit(exit_code)
