"""The bill: measured figures times prices, and the verdicts on which design is cheaper."""

import json
import re

import pytest
from click.testing import CliRunner

from scorecast.cli import app
from scorecast.errors import UserError
from scorecast.ops.cost.bill import (
    CONSUMER_BATCH,
    DESIGNS,
    PIPES,
    REDIS,
    SCORECAST,
    SECONDS_A_MONTH,
    TEXTBOOK,
    Model,
    Workload,
    verdict,
)
from scorecast.ops.cost.data import load_model

MODEL = load_model()
PRICE_NAMES = ("event", "pipe", "queue", "invocation", "write_unit", "read_unit", "api", "cache_request")


def model_of(**prices: float) -> Model:
    """A model with these prices; everything else is free."""
    table = dict.fromkeys([*PRICE_NAMES, "gb_second", "firehose_gb", "cache_gb_hour"], 0.0) | prices
    nodes = [{"name": "node", "gb": 1.0, "dollars_an_hour": 1.0}]
    return Model({"prices": {name: {"dollars": one} for name, one in table.items()}, "nodes": nodes}, MODEL.measured)


def test_each_change_is_an_event_in_every_design_and_a_request_of_a_pipe_in_one() -> None:
    workload = Workload(changes=2_000_000, lookups=0)
    assert {design: model_of(event=1.0, pipe=0.4).bill(design, workload).total for design in (SCORECAST, TEXTBOOK)} == {
        SCORECAST: pytest.approx(2.0),
        TEXTBOOK: pytest.approx(2.0),
    }
    assert model_of(event=1.0, pipe=0.4).bill(PIPES, workload).total == pytest.approx(2.8)


@pytest.mark.parametrize(
    ("changes", "entries", "batch", "board"),
    [
        (1000, 1, 1, 10_000),
        (1e9, 10_000, 10, 10_000),
        (1e9, 10_001, 10, 100_000),
        (1000, 1_000_000, 1, 1_000_000),
        (1e9, 1e9, 10, 1_000_000),
    ],
)
def test_writing_costs_the_units_metered_for_the_batch_and_for_the_next_larger_board(
    changes: float, entries: float, batch: int, board: int
) -> None:
    steps = MODEL.measured["consumer"]["scorecast"]
    [metered] = [step["write_units"] for step in steps if (step["entries"], step["batch"]) == (board, batch)]
    model = model_of(write_unit=1.0)
    assert model.a_million_changes(SCORECAST, Workload(changes, entries=entries)) == pytest.approx(metered)


def test_a_batch_of_the_queue_is_no_larger_than_aws_delivers_it() -> None:
    busy = Workload(changes=1e9, lookups=0)
    fanout = busy.changes / SECONDS_A_MONTH
    invocations = busy.changes / fanout + busy.changes / CONSUMER_BATCH
    assert model_of(invocation=1.0).bill(SCORECAST, busy).total * 1e6 == pytest.approx(invocations)


def test_a_look_up_by_the_index_costs_the_same_on_any_board_and_a_count_grows_with_it() -> None:
    small, large = Workload(entries=100_000), Workload(entries=1_000_000)
    model = model_of(read_unit=1.0)
    assert model.a_million_lookups(SCORECAST, small) == model.a_million_lookups(SCORECAST, large)
    assert model.a_million_lookups(TEXTBOOK, large) == pytest.approx(10 * model.a_million_lookups(TEXTBOOK, small))


def test_a_cache_is_billed_by_the_hour_at_the_cheaper_of_two_prices() -> None:
    idle = Workload(changes=0, lookups=0, entries=1000)
    assert model_of(cache_gb_hour=0.1).bill(REDIS, idle).total == pytest.approx(0.1 * 0.1 * 730)
    assert model_of(cache_gb_hour=100.0).bill(REDIS, idle).total == pytest.approx(730)


def test_a_board_too_large_for_any_node_is_refused() -> None:
    with pytest.raises(UserError, match=r"No cache node .* 1,000,000,000,000 entries"):
        MODEL.bill(REDIS, Workload(entries=1e12))


def test_the_textbook_is_cheaper_without_look_ups() -> None:
    workload = Workload(lookups=0)
    assert MODEL.bill(TEXTBOOK, workload).total < MODEL.bill(SCORECAST, workload).total


@pytest.mark.parametrize("changes", [10_000, 1_000_000, 100_000_000])
@pytest.mark.parametrize("other", [TEXTBOOK, PIPES, REDIS])
def test_a_verdict_names_the_look_ups_at_which_the_bills_are_equal(other: str, changes: int) -> None:
    sentence = verdict(MODEL, other, Workload(changes, 0, 100_000))
    found = re.search(r"(up to|above) ([\d,]+)", sentence)
    if not found:
        bills = [MODEL.bill(design, Workload(changes, 1e9, 100_000)).total for design in (other, SCORECAST)]
        assert ("at any number" in sentence) == (bills[0] < bills[1])
        return
    crossing = float(found[2].replace(",", ""))
    for lookups, is_cheaper in ((crossing * 0.8, found[1] == "up to"), (crossing * 1.2, found[1] == "above")):
        workload = Workload(changes, lookups, 100_000)
        assert (MODEL.bill(other, workload).total < MODEL.bill(SCORECAST, workload).total) == is_cheaper


def test_the_price_table_has_a_date_a_region_and_a_source_for_each_price() -> None:
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", MODEL.prices["date"])
    assert MODEL.prices["region"] == "us-east-1"
    sources = [one["source"] for one in MODEL.prices["prices"].values()] + [MODEL.prices["nodes_source"]]
    assert all(source.startswith("https://aws.amazon.com/") for source in sources)


def test_the_command_answers_in_json_with_every_design() -> None:
    done = CliRunner(mix_stderr=False).invoke(
        app, ["cost", "--changes", "5000", "--lookups", "700", "--entries", "90", "--json"]
    )
    answer = json.loads(done.stdout)
    assert (answer["changes"], answer["lookups"], answer["entries"]) == (5000, 700, 90)
    for design in DESIGNS:
        assert answer["dollarsAMonth"][design] == pytest.approx(sum(answer["lines"][design].values()), abs=0.01)


def test_the_command_shows_a_table_and_the_verdicts() -> None:
    done = CliRunner(mix_stderr=False).invoke(app, ["cost"])
    assert done.exit_code == 0
    assert "API Gateway" in done.stdout
    assert "The textbook pipeline with COUNT is cheaper up to" in done.stdout
