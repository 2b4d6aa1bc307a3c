"""The page finds and follows a participant, and shows how the scores are distributed."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest

from tests.page.browser import OpenTab, Visit, height
from tests.page.leaderboard import ADDRESS, Leaderboard, go

HOSTILE = '<img src=x onerror="document.title = 1"><script>alert(1)</script>\u202egnp'
# After so many refreshes the page says its next news, takes marks away, and asks for the participant and the chart.
NEWS_REFRESHES, MARK_REFRESHES, FOUND_REFRESHES, HISTOGRAM_REFRESHES = 5, 3, 5, 10


@pytest.fixture
def twenty(leaderboard: Leaderboard) -> Leaderboard:
    for rank in range(1, 21):
        leaderboard.put("Abc", f"p{rank}", str(1000 - 10 * rank), f"user {rank:02}")
    return leaderboard


def find(tab: Visit, participant: str) -> None:
    tab.page.get_by_label("Find a participant by id").fill(participant)
    tab.page.get_by_role("button", name="Find").click()


def figures(tab: Visit) -> list[str]:
    return [one.strip() for one in tab.page.locator("#figures dd").all_inner_texts()]


def test_a_participant_is_found_with_rank_percentile_score_and_neighbours(visit: OpenTab, twenty: Leaderboard) -> None:
    tab = go(visit, twenty)
    find(tab, "p13")
    tab.page.locator("#found").wait_for()
    assert tab.text("#found-title bdi") == "user 13"
    assert figures(tab) == ["13 of 20", "40 %", "870"]
    assert [rank for rank, _, _ in tab.rows("#neighbours")] == [str(rank) for rank in range(10, 17)]
    assert tab.text("#neighbours .mine bdi") == "user 13"
    assert tab.page.url.endswith("#Abc&id=p13")
    assert tab.complaints == []


def test_a_participant_is_requested_now_and_then_or_when_the_standings_show_a_change(
    visit: OpenTab, twenty: Leaderboard
) -> None:
    def asked() -> int:
        return sum("/participants/" in one for one in twenty.asked)

    tab = go(visit, twenty, "Abc&id=p4")
    tab.refresh(FOUND_REFRESHES - 1)
    assert asked() == 1
    twenty.put("Abc", "p4", "985")
    tab.refresh()
    tab.wait_for_text("#found-rank", "2 of 20")
    tab.refresh(FOUND_REFRESHES - 1)
    assert asked() == 2


def test_the_found_participant_is_marked_in_the_standings(visit: OpenTab, twenty: Leaderboard) -> None:
    tab = go(visit, twenty, "Abc&id=p4")
    assert tab.page.locator("#entries .mine bdi").all_inner_texts() == ["user 04"]


def test_attributes_stand_beside_the_name_as_text(visit: OpenTab, twenty: Leaderboard) -> None:
    twenty.table.attributes["p1"] = {"country": HOSTILE, "level": Decimal("12.50"), "pro": True, "retired": False}
    twenty.table.attributes["p2"] = {"avatar": "https://example.com/a.png", "team": "Lynx"}
    twenty.table.attributes["p3"] = {"avatar": "//example.com/a.png"}
    for participant, score in (("p1", "990"), ("p2", "980"), ("p3", "970")):
        twenty.put("Abc", participant, score)
    tab = go(visit, twenty, "Abc&id=p1")
    beside = tab.page.locator("#found-title .beside, #entries .beside").all_text_contents()
    isolated = f"\u2068{HOSTILE}\u2069 · \u206812.50\u2069 · \u2068pro\u2069"
    assert beside == [isolated, isolated, "\u2068Lynx\u2069"]
    assert tab.page.locator("#entries tr").nth(2).locator(".beside").count() == 0
    assert tab.page.locator("img").count() == 0
    assert all(url.startswith(ADDRESS) for url in tab.requests)
    assert tab.complaints == []
    twenty.table.attributes["p2"] = {"team": "Ocelot"}
    twenty.put("Abc", "p2", "980")
    tab.refresh()
    tab.wait_for_text("#entries", "Ocelot")


def test_a_name_in_the_list_leads_to_the_participant_and_close_leads_back(visit: OpenTab, twenty: Leaderboard) -> None:
    tab = go(visit, twenty)
    tab.page.get_by_role("link", name="user 03").click()
    tab.wait_for_text("#found-title", "user 03")
    assert figures(tab)[0] == "3 of 20"
    tab.page.get_by_role("button", name="Close").click()
    tab.page.locator("#found").wait_for(state="hidden")
    assert tab.page.url.endswith("#Abc")
    assert tab.page.locator("#participant").evaluate("input => input === document.activeElement")


def test_the_found_participant_is_followed(visit: OpenTab, twenty: Leaderboard) -> None:
    tab = go(visit, twenty, "Abc&id=p13")
    twenty.put("Abc", "p13", "1000.5")
    tab.refresh()
    tab.wait_for_text("#found-rank", "1 of 20")
    assert figures(tab) == ["1 of 20", "100 %", "1,000.5"]
    tab.refresh(NEWS_REFRESHES)
    tab.wait_for_text("#news", "user 13 has rank 1 of 20.")


def test_a_participant_without_a_score_is_not_found_until_the_score_is_there(
    visit: OpenTab, twenty: Leaderboard
) -> None:
    tab = go(visit, twenty)
    find(tab, "nobody")
    tab.wait_for_text("#missing", "There is no participant with the id “nobody” on the board “Abc”.")
    assert tab.text("#news") == tab.text("#missing")
    assert tab.page.locator("#figures").is_hidden()
    twenty.put("Abc", "nobody", "5", "somebody")
    tab.refresh(FOUND_REFRESHES)
    tab.wait_for_text("#found-rank", "21 of 21")
    assert tab.page.locator("#missing").is_hidden()


@pytest.mark.parametrize("participant", ["a/b", "a?b=c#d&e", "%2F", "名字", "a b"])
def test_any_id_is_found(visit: OpenTab, leaderboard: Leaderboard, participant: str) -> None:
    leaderboard.put("Ä/ &=#?", participant, "5", "ann")
    tab = go(visit, leaderboard)
    find(tab, participant)
    tab.wait_for_text("#found-title", "ann")
    tab.page.reload()
    tab.wait_for_text("#found-title", "ann")


def test_hostile_names_are_text_everywhere(visit: OpenTab, leaderboard: Leaderboard) -> None:
    leaderboard.put(HOSTILE, HOSTILE, "5", HOSTILE)
    leaderboard.put(HOSTILE, "2", "3", "y" * 5000)
    tab = go(visit, leaderboard)
    find(tab, HOSTILE)
    tab.wait_for_text("#found-title", HOSTILE)
    assert tab.page.locator("main img, main script, main b").count() == 0
    assert tab.page.title().startswith(HOSTILE[:30])
    assert height(tab.page.locator("#entries tr").first) < 120
    assert height(tab.page.locator("#entries tr").last) < 120
    find(tab, f"{HOSTILE}2")
    tab.wait_for_text("#missing", f"{HOSTILE}2")
    assert tab.page.locator("main img, main script, main b").count() == 0
    assert [note for note in tab.complaints if "404" not in note] == []


# ---- rows that move


def test_a_change_of_rank_can_be_followed_by_eye(visit: OpenTab, twenty: Leaderboard) -> None:
    tab = go(visit, twenty)
    twenty.put("Abc", "p7", "985")
    tab.refresh()
    tab.page.locator(".rose .mark").filter(has_text="▲5").wait_for()
    moving = (
        "document.getAnimations().filter(one => one.effect.target?.tagName === 'TR' && !one.transitionProperty).length"
    )
    assert tab.page.evaluate(moving) >= 2
    assert tab.page.locator(".fell .mark").all_inner_texts() == ["▼1"] * 5
    assert [name for _, name, _ in tab.rows()][:3] == ["user 01", "user 07", "user 02"]
    tab.refresh(MARK_REFRESHES)
    assert tab.page.locator(".mark:not(:empty)").count() == 0


def test_with_reduced_motion_the_marks_are_shown_and_nothing_moves(visit: OpenTab, twenty: Leaderboard) -> None:
    tab = go(visit, twenty, reduced_motion="reduce")
    twenty.put("Abc", "p7", "985")
    tab.refresh()
    tab.page.locator(".rose .mark").filter(has_text="▲5").wait_for()
    assert tab.page.evaluate("document.getAnimations().length") == 0


def test_the_focus_stays_with_a_participant_who_moves(visit: OpenTab, twenty: Leaderboard) -> None:
    tab = go(visit, twenty)
    tab.page.get_by_role("link", name="user 07").focus()
    twenty.put("Abc", "p7", "999")
    tab.refresh()
    tab.wait_for_row("user 07", "999")
    assert tab.page.evaluate("document.activeElement.innerText") == "user 07"


def test_another_page_is_no_change_of_rank(visit: OpenTab, twenty: Leaderboard) -> None:
    tab = go(visit, twenty)
    tab.page.get_by_role("button", name="Next page").click()
    tab.wait_for_row("user 11", "890")
    assert tab.page.locator(".rose, .fell, .new").count() == 0


# ---- the chart


def test_the_chart_has_axes_a_bar_for_each_range_and_words(visit: OpenTab, twenty: Leaderboard) -> None:
    tab = go(visit, twenty)
    assert tab.page.locator("#plot .axis").all_text_contents() == ["Participants", "Score"]
    assert tab.page.locator("#plot .bar").count() == 20
    words = tab.text("#summary")
    assert words.startswith("20 participants. The chart covers scores from 800 to ")
    assert tab.page.get_by_role("img", name="Score distribution").count() == 1
    tab.page.get_by_text("Show as a table").click()
    assert tab.page.locator("#bars tr").count() == 20
    assert tab.page.locator("#bars tr").first.inner_text().split("\t") == ["800 to 810", "1"]


@pytest.mark.parametrize(
    ("scores", "participant"),
    [
        (["12345678901234567890123456789012345678", "12345678901234567890123456789012345679"], "0"),
        (["-5", "-4", "3", "0"], "0"),
        (["0"], "0"),
        (["0.001", "0.002", "0.0035"], "1"),
        (["-90", "-80", "-70"], "1"),
        (["1E+100", "2E+100"], "1"),
    ],
)
def test_the_bar_of_the_found_participant_is_marked(
    visit: OpenTab, leaderboard: Leaderboard, scores: list[str], participant: str
) -> None:
    for number, score in enumerate(scores):
        leaderboard.put("Abc", str(number), score, f"user {number}")
    tab = go(visit, leaderboard, f"Abc&id={participant}")
    tab.page.locator("#plot .bar.mine").wait_for()
    assert tab.page.locator("#plot .bar.mine").count() == 1
    assert tab.text("#placed").startswith(f"▼ user {participant} is in the range ")
    assert tab.complaints == []


def test_the_summary_names_the_most_common_range_and_what_the_chart_covers(
    visit: OpenTab, leaderboard: Leaderboard
) -> None:
    for number, score in enumerate(["10", "11", "12", "25", "39"]):
        leaderboard.put("Abc", str(number), score)
    tab = go(visit, leaderboard)
    tab.page.get_by_text("Show as a table").click()
    ranges = [line.split("\t") for line in tab.page.locator("#bars tr").all_inner_texts()]
    most, count = max(ranges, key=lambda one: int(one[1]))
    first, last = ranges[0][0].split(" to ")[0], ranges[-1][0].split(" to ")[1]
    people = f"{count} participant{'s' if count != '1' else ''}"
    peak = f" The most common range is {most}, with {people}." if int(count) > 1 else ""
    assert tab.text("#summary") == f"5 participants. The chart covers scores from {first} to {last}.{peak}"


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("highest", [10, 13, 47, 99, 100_000, 1_234_567])
def test_the_axis_is_labelled_at_both_ends_and_no_label_touches_another(
    visit: OpenTab, leaderboard: Leaderboard, highest: int, width: int
) -> None:
    for number in range(30):
        leaderboard.put("Abc", str(number), str(highest * number // 29))
    tab = go(visit, leaderboard, viewport={"width": width, "height": 700})
    bars = tab.page.evaluate("data.histogram.bars.map(({ from, to }) => [brief(from), brief(to)])")
    read = """texts => texts.filter(text => text.getAttribute('text-anchor') === 'middle').map(text => {
        const { left, right } = text.getBoundingClientRect();
        return [text.textContent, left, right];
    })"""
    labels = tab.page.locator("#plot text").evaluate_all(read)
    assert [labels[0][0], labels[-1][0]] == [bars[0][0], bars[-1][1]]
    assert all(before[2] < after[1] for before, after in pairwise(labels))


def test_the_chart_follows_a_change(visit: OpenTab, twenty: Leaderboard) -> None:
    tab = go(visit, twenty)
    twenty.put("Abc", "new", "400", "new")
    tab.refresh(HISTOGRAM_REFRESHES)
    tab.wait_for_text("#summary", "21 participants. The chart covers scores from 400 to ")
