"""The score history of an entry where the best or the first score or the gain counts, with changes in any order."""

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorecast.leaderboard.policy import DEFAULT, BoardPolicy, Keep, Order, Ties
from scorecast.standings.entry import Entry
from scorecast.standings.score_history import KEPT_VERSIONS, entry_after, reached

BEST = BoardPolicy(keep=Keep.BEST)
LOWEST = BoardPolicy(keep=Keep.BEST, order=Order.ASCENDING)
FIRST = BoardPolicy(keep=Keep.FIRST)
GAIN = BoardPolicy(keep=Keep.GAIN)


def wrote(at: int, score: int | None, *, is_first: bool = False) -> Entry:
    """The entry that the change at a second writes; without a score it is a removal."""
    name = None if score is None else f"user {at}"
    text = None if score is None else str(score)
    return Entry("1", "Golf", f"{at:040}", f"2026-01-01T00:00:{at:02}Z", text, name, is_first)


def start(at: int, score: int) -> Entry:
    return wrote(at, score, is_first=True)


def stands(policy: BoardPolicy, *entries: Entry, before: Entry | None = None) -> Entry:
    """The stored entry after the writes, one by one."""
    standing = before
    for entry in entries:
        standing = entry_after(standing, [entry], policy) or standing
    assert standing
    return standing


STAYS = [start(1, 50), wrote(2, 90), wrote(3, 70), wrote(4, None), start(5, 60), wrote(6, 80), wrote(7, 65)]


@pytest.mark.parametrize(("policy", "score"), [(DEFAULT, "65"), (BEST, "80"), (LOWEST, "60"), (FIRST, "60")])
def test_the_score_that_counts_is_of_the_current_history(policy: BoardPolicy, score: str) -> None:
    for order in permutations(STAYS):
        assert stands(policy, *order).score == score


@pytest.mark.parametrize("policy", [DEFAULT, BEST, LOWEST, FIRST, GAIN])
def test_a_batch_at_once_is_as_one_after_another(policy: BoardPolicy) -> None:
    assert entry_after(None, STAYS, policy) == stands(policy, *STAYS)


@pytest.mark.parametrize("policy", [DEFAULT, BEST, LOWEST, FIRST, GAIN])
def test_a_repeated_write_changes_nothing(policy: BoardPolicy) -> None:
    standing = stands(policy, *STAYS)
    assert entry_after(standing, STAYS, policy) is None


def test_the_name_is_the_newest_for_any_score_that_counts() -> None:
    assert stands(BEST, start(1, 90), wrote(3, 50), wrote(2, 70)).name == "user 3"


def test_the_name_survives_a_removal_that_arrives_before_the_beginning_of_its_history() -> None:
    gone = stands(FIRST, start(1, 90), wrote(7, 50), wrote(3, None))
    assert (gone.score, gone.name, gone.sequence) == (None, "user 7", f"{7:040}")
    back = stands(FIRST, start(5, 40), before=gone)
    assert (back.score, back.name) == ("40", "user 7")


def test_a_history_keeps_only_scores_that_may_count() -> None:
    rising = stands(BEST, start(1, 0), *(wrote(at, at) for at in range(2, 30)))
    assert rising.history == '[["1","2026-01-01T00:00:01Z"],["29","2026-01-01T00:00:29Z","29"]]'
    level = stands(BEST, start(1, 5), *(wrote(at, 5) for at in range(2, 30)))
    assert level.history.count("2026") == 2


def test_of_too_many_lower_scores_the_best_and_the_newest_are_kept() -> None:
    falling = stands(BEST, start(1, 100), *(wrote(at, 100 - at) for at in range(2, 30)))
    assert falling.score == "100"
    assert falling.history.count("2026") == KEPT_VERSIONS + 1
    # A removal that more than KEPT_VERSIONS - 1 lower scores have overtaken loses some of them: docs/boards.md.
    assert stands(BEST, wrote(2, None), before=falling).score == str(100 - (30 - KEPT_VERSIONS + 1))


@given(st.data())
def test_changes_that_arrive_late_by_less_than_the_kept_versions_lead_to_the_same_entry(data: st.DataObject) -> None:
    happened: list[Entry] = []
    for at in range(1, data.draw(st.integers(2, 50))):
        score = data.draw(st.one_of(st.none(), st.integers(0, 99)))
        is_there = bool(happened) and happened[-1].score is not None
        if score is not None or is_there:
            happened.append(wrote(at, score, is_first=score is not None and not is_there))
    if not happened:
        return
    # By less than KEPT_VERSIONS: no change is overtaken by that many others.
    late = [(at + data.draw(st.integers(0, KEPT_VERSIONS - 1)), at, entry) for at, entry in enumerate(happened)]
    came = [entry for _, _, entry in sorted(late, key=lambda one: one[:2])]
    for policy in (BEST, LOWEST, FIRST):
        assert stands(policy, *came).score == stands(policy, *happened).score


def test_scores_are_compared_as_numbers() -> None:
    assert stands(BEST, start(1, 9), wrote(2, 10)).score == "10"
    assert stands(LOWEST, start(1, 9), wrote(2, -10)).score == "-10"


# ---------------------------------------------------------------- a policy that came later


def test_an_entry_from_before_the_policy_is_one_score_among_others() -> None:
    before = wrote(5, 70)
    assert stands(BEST, wrote(6, 50), before=before).score == "70"
    assert stands(FIRST, wrote(6, 50), before=before).score == "70"
    assert stands(BEST, wrote(6, 80), before=before).score == "80"


def test_a_tombstone_from_before_the_policy_ends_the_history_before_it() -> None:
    tombstone = wrote(5, None)
    assert stands(BEST, wrote(3, 90), start(1, 80), before=tombstone).score is None
    assert stands(FIRST, start(6, 40), before=tombstone).score == "40"


def test_where_the_latest_counts_again_no_history_is_kept() -> None:
    assert stands(DEFAULT, wrote(8, 1), before=stands(BEST, *STAYS)) == wrote(8, 1)


# ---- where ties have an order: the change that set the score


TIED = BoardPolicy(ties=Ties.EARLIEST)


def brought(at: int, score: int, before: str = "") -> Entry:
    return replace(wrote(at, score), score_changed=True, before=before)


def entered(at: int, score: int) -> Entry:
    return replace(start(at, score), score_changed=True, before="0")


@pytest.mark.parametrize(
    ("keep", "at"),
    [(Keep.LATEST, 4), (Keep.BEST, 2), (Keep.FIRST, 1), (Keep.GAIN, 4)],
)
def test_a_score_is_dated_by_the_change_that_set_it_in_any_order_of_arrival(keep: Keep, at: int) -> None:
    changes = [entered(1, 50), brought(2, 90, "50"), brought(3, 70, "90"), brought(4, 90, "70"), wrote(5, 90)]
    for order in permutations(changes):
        policy = BoardPolicy(keep=keep, ties=Ties.EARLIEST)
        assert reached(stands(policy, *order), policy) == changes[at - 1].version


def test_a_score_whose_change_has_not_arrived_is_dated_by_the_newest() -> None:
    assert reached(stands(TIED, wrote(5, 90)), TIED) == wrote(5, 90).version
    assert reached(stands(TIED, brought(2, 50), wrote(5, 90)), TIED) == wrote(5, 90).version


def test_an_entry_from_before_ties_had_an_order_is_dated_by_its_last_change() -> None:
    old = stands(DEFAULT, brought(2, 90))
    assert reached(stands(TIED, wrote(7, 90), before=old), TIED) == old.version


def test_a_participant_that_left_and_came_back_is_dated_by_its_return() -> None:
    for order in permutations([entered(1, 50), wrote(2, None), entered(3, 50)]):
        assert reached(stands(TIED, *order), TIED) == wrote(3, 50).version


def test_where_ties_have_no_order_no_history_of_the_latest_is_kept() -> None:
    assert stands(DEFAULT, entered(1, 50), brought(2, 60)).history == ""


# ---- where gains count: the latest score minus the score before the first change


def test_a_gain_counts_from_the_score_before_the_first_change_in_any_order_of_arrival() -> None:
    for order in permutations([brought(1, 130, "100"), brought(2, 120, "130"), wrote(3, 120), brought(4, 175, "120")]):
        assert stands(GAIN, *order).score == "75"


def test_a_gain_begins_again_after_a_removal_however_late_it_arrives() -> None:
    stays = [brought(1, 130, "100"), wrote(2, None), entered(3, 20), wrote(4, 20), brought(5, 15, "20")]
    for order in permutations(stays):
        assert stands(GAIN, *order).score == "15"


def test_a_score_that_was_read_is_no_gain_until_it_changes() -> None:
    assert stands(GAIN, wrote(1, 100)).score == "0"
    assert stands(GAIN, wrote(1, 100), brought(2, 130, "100")).score == "30"


def test_a_read_that_saw_later_changes_does_not_hide_what_they_gained() -> None:
    """A READ has the sequence of what was known before, and may see changes that are still under way."""
    for order in permutations([wrote(1, 130), brought(2, 120, "100"), brought(3, 130, "120")]):
        assert stands(GAIN, *order).score == "30"


def test_an_entry_from_before_gains_counted_gains_from_its_next_change() -> None:
    before = stands(DEFAULT, entered(1, 50), brought(2, 60, "50"))
    assert stands(GAIN, wrote(3, 60), before=before).score == "0"
    assert stands(GAIN, brought(3, 75, "60"), before=before).score == "15"


def test_a_gain_has_the_columns_of_the_newest_score_and_is_dated_by_its_last_change() -> None:
    policy = BoardPolicy(keep=Keep.GAIN, then_by="penalty:ascending")
    changes = [entered(1, 5), brought(2, 7, "5"), brought(3, 7, "7"), wrote(4, 7)]
    changes = [replace(one, columns=(penalty,)) for one, penalty in zip(changes, ["10", "20", "30", "30"], strict=True)]
    for order in permutations(changes):
        standing = stands(policy, *order)
        assert (standing.score, standing.columns) == ("7", ("30",))
        assert reached(standing, policy) == changes[2].version


def test_a_history_of_gains_stays_short() -> None:
    standing = stands(GAIN, entered(1, 0), *(brought(at, at, str(at - 1)) for at in range(2, 29)), wrote(29, 28))
    assert standing.history == (
        '[["1","2026-01-01T00:00:01Z"],["1","2026-01-01T00:00:01Z","0 0"],["28","2026-01-01T00:00:28Z","28 27"],'
        '["29","2026-01-01T00:00:29Z","28"]]'
    )


@pytest.mark.parametrize(
    ("score", "before", "gain"),
    [
        ("60.10", "0.1", "60"),
        ("0.3", "0.1", "0.2"),
        ("1", "1E-39", "1"),
        ("-1E-38", "1E+2", "-100"),
        ("9.9999999999999999999999999999999999999E+125", "-1E+125", "9" * 38 + "0" * 88),
        ("-1E+125", "9.9999999999999999999999999999999999999E+125", "-" + "9" * 38 + "0" * 88),
        ("1.5E-130", "1E-130", "0"),
    ],
)
def test_a_gain_is_the_nearest_number_that_dynamodb_has(score: str, before: str, gain: str) -> None:
    change = replace(brought(1, 0, before), score=score)
    assert stands(GAIN, change).score == gain
