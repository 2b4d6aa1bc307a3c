"""The page in each of its states, with LeaderGet behind it and entries that the test changes."""

# ruff: noqa: RUF001 - the page writes ranges with an en dash, and Chinese with its own colon.

from __future__ import annotations

import pytest

from scorecast.leaderboard.policy import BoardPolicy, Ties
from tests.page.browser import REFRESH_MS, OpenTab, Visit, height
from tests.page.leaderboard import ADDRESS, STAGE, Leaderboard, go
from tests.support.api_fakes import Cut

EXACT = "12345678901234567890123456789012345678"
EXACT_SHOWN = "12,345,678,901,234,567,890,123,456,789,012,345,678"
HIDE = """
    Object.defineProperty(document, "hidden", {value: %s, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
"""


COUNT_REQUESTS = """() => {
    window.asked = 0;
    window.unwatchedFetch ??= fetch;
    fetch = (...request) => { asked += 1; return unwatchedFetch(...request); };
}"""


@pytest.fixture
def two_boards(leaderboard: Leaderboard) -> Leaderboard:
    leaderboard.put("Abc", "1", "60", "ann")
    leaderboard.put("Abc", "3", "50", "cem")
    leaderboard.put("Xyz", "2", "5", "bob")
    return leaderboard


@pytest.fixture
def thirty(leaderboard: Leaderboard) -> Leaderboard:
    for rank in range(1, 31):
        leaderboard.put("Abc", str(rank), str(1000 - rank), f"user {rank:02}")
    return leaderboard


def test_the_first_board_opens_and_is_live(visit: OpenTab, two_boards: Leaderboard) -> None:
    tab = go(visit, two_boards)
    assert tab.rows() == [("1", "ann", "60"), ("2", "cem", "50")]
    assert (tab.text("h1"), tab.text("#state"), tab.text("#total")) == ("Abc", "Live", "2 participants")
    assert tab.page.title() == "Abc · Scorecast"
    assert tab.complaints == []


def test_it_says_in_words_when_the_board_last_changed(visit: OpenTab, two_boards: Leaderboard) -> None:
    tab = go(visit, two_boards)
    assert tab.text("#updated").startswith("last change ")
    assert tab.text("#updated").endswith(" ago")
    assert tab.page.locator("#updated").get_attribute("datetime") == "2026-01-02T03:04:05Z"


def test_the_boards_are_listed_with_their_totals_and_a_choice_is_in_the_address(
    visit: OpenTab, two_boards: Leaderboard
) -> None:
    tab = go(visit, two_boards)
    assert tab.page.get_by_label("Board").inner_text().split("\n") == ["Abc (2)", "Xyz (1)"]
    tab.page.get_by_label("Board").select_option("Xyz")
    tab.wait_for_row("bob", "5")
    assert tab.page.url == f"{ADDRESS}#Xyz"
    tab.page.go_back()
    tab.wait_for_row("ann", "60")
    assert tab.page.get_by_label("Board").input_value() == "Abc"


def test_the_list_of_boards_is_requested_only_when_it_is_opened(visit: OpenTab, two_boards: Leaderboard) -> None:
    tab = go(visit, two_boards)
    two_boards.put("New", "9", "5", "cat")
    tab.refresh(7)
    assert two_boards.asked.count("/leaderBoard/") == 1
    with tab.refreshed():
        tab.page.get_by_label("Board").hover()
    assert tab.page.get_by_label("Board").inner_text().split("\n") == ["Abc (2)", "New (1)", "Xyz (1)"]
    assert two_boards.asked.count("/leaderBoard/") == 2


def test_a_list_of_boards_is_requested_again_if_another_answer_failed_beside_it(
    visit: OpenTab, two_boards: Leaderboard
) -> None:
    tab = go(visit, two_boards)
    two_boards.put("New", "9", "5", "cat")
    tab.refresh(2)
    tab.page.route("**/leaderBoard/?hackathonName=*", lambda route: route.fulfill(status=503, body="{}"), times=1)
    tab.page.get_by_label("Board").hover()
    tab.wait_for_text("#state", "Not up to date")
    tab.refresh(after_ms=2 * REFRESH_MS)
    assert tab.page.get_by_label("Board").inner_text().split("\n") == ["Abc (2)", "New (1)", "Xyz (1)"]


def test_more_boards_than_one_answer_holds_are_all_listed(visit: OpenTab, leaderboard: Leaderboard) -> None:
    leaderboard.table.put((f"b{number:03}", "1", "5") for number in range(130))
    tab = go(visit, leaderboard, "b129")
    assert tab.page.locator("#board option").count() == 130
    assert tab.text("h1") == "b129"


def test_a_shared_address_opens_the_same_view(visit: OpenTab, thirty: Leaderboard) -> None:
    tab = go(visit, thirty, "Abc&id=13&at=11&show=25")
    assert tab.text("#range") == "11–30 of 30"
    assert tab.text("#found-title bdi") == "user 13"
    assert tab.page.get_by_label("Find a participant by id").input_value() == "13"


@pytest.mark.parametrize("hash_", ["%", "Abc&at=x&show=7&id=", "Abc&at=0", "Abc&at=99999999999999", "Abc&&&="])
def test_a_broken_address_opens_the_top(visit: OpenTab, thirty: Leaderboard, hash_: str) -> None:
    tab = go(visit, thirty, hash_)
    assert tab.text("#range") == "1–10 of 30"
    assert tab.page.locator("#found").is_hidden()


def test_the_number_of_rows_can_be_chosen(visit: OpenTab, thirty: Leaderboard) -> None:
    tab = go(visit, thirty)
    assert len(tab.rows()) == 10
    tab.page.get_by_label("Rows").select_option("25")
    tab.wait_for_row("user 25", "975")
    assert tab.text("#range") == "1–25 of 30"


def test_a_reader_can_turn_pages_and_jump_to_any_rank(visit: OpenTab, thirty: Leaderboard) -> None:
    tab = go(visit, thirty)
    for button, first in (("Next page", 11), ("Last page", 21), ("Previous page", 11), ("First page", 1)):
        tab.page.get_by_role("button", name=button).click()
        tab.wait_for_text("#range", f"{first}–{first + 9} of 30")
        assert tab.rows()[0] == (str(first), f"user {first:02}", str(1000 - first))
    tab.page.get_by_label("Go to rank").fill("17")
    tab.page.get_by_role("button", name="Go", exact=True).click()
    tab.wait_for_text("#range", "17–26 of 30")
    assert "at=17" in tab.page.url


def test_a_jump_past_the_end_goes_to_the_end(visit: OpenTab, thirty: Leaderboard) -> None:
    tab = go(visit, thirty)
    tab.page.get_by_label("Go to rank").fill("5000")
    tab.page.keyboard.press("Enter")
    tab.wait_for_text("#range", "30 of 30")
    assert tab.page.get_by_role("button", name="Next page").get_attribute("aria-disabled") == "true"


def test_among_very_many_ties_the_page_shows_their_start_and_the_pager_continues(
    visit: OpenTab, leaderboard: Leaderboard
) -> None:
    leaderboard.table.put(("Abc", f"{number:04}", "7") for number in range(2150))
    leaderboard.table.cut(Cut.REAL)
    tab = go(visit, leaderboard, "Abc&at=2121&show=100")
    assert tab.text("#range") == "1–100 of 2,150"
    assert "nearly the same score" in tab.text("#tied")
    tab.page.get_by_label("Go to rank").fill("1921")
    tab.page.keyboard.press("Enter")
    tab.wait_for_text("#range", "1,921–2,020")
    assert tab.page.locator("#tied").is_hidden()
    last = tab.rows()[-1]
    tab.page.get_by_role("button", name="Next page").click()
    tab.wait_for_text("#range", "2,021–2,120")
    assert tab.rows()[0][1] < last[1]  # ties stand by id, the last first
    assert tab.page.locator("#tied").is_hidden()


def test_among_very_many_ties_a_change_of_their_order_shows_where_they_begin(
    visit: OpenTab, leaderboard: Leaderboard
) -> None:
    participants = [f"{number:04}" for number in range(2150)]
    leaderboard.table.put(("Abc", participant, "7") for participant in participants)
    leaderboard.table.cut(Cut.REAL)
    tab = go(visit, leaderboard, "Abc&at=1921&show=100")
    tab.page.get_by_role("button", name="Next page").click()
    tab.wait_for_text("#range", "2,021–2,120")
    # The order of before is no longer valid, so the API refuses the `next` that the page has.
    leaderboard.table.declare("Abc", BoardPolicy(ties=Ties.EARLIEST))
    leaderboard.table.put(("Abc", participant, "7") for participant in participants)  # as a backfill does
    tab.refresh()
    tab.wait_for_text("#range", "1–100 of 2,150")
    assert tab.text("#state") == "Live"
    assert "nearly the same score" in tab.text("#tied")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("1250.5", "1,250.5"),
        (EXACT, EXACT_SHOWN),
        ("-3", "-3"),
        ("0.00000000000000000000000000001", "0.00000000000000000000000000001"),
        ("1E+20", "100,000,000,000,000,000,000"),
        ("1E+100", "1E100"),
    ],
)
def test_a_score_keeps_all_its_digits(visit: OpenTab, leaderboard: Leaderboard, written: str, shown: str) -> None:
    leaderboard.put("Abc", "1", written, "ann")
    tab = go(visit, leaderboard, "Abc&id=1")
    assert tab.rows() == [("1", "ann", shown)]
    assert tab.text("#found-score") == shown
    assert tab.complaints == []


def test_an_entry_without_a_name_shows_its_id(visit: OpenTab, leaderboard: Leaderboard) -> None:
    leaderboard.put("Abc", "number-seven", "60")
    assert go(visit, leaderboard).rows() == [("1", "number-seven", "60")]


def test_no_board_yet_and_then_one(visit: OpenTab, leaderboard: Leaderboard) -> None:
    tab = go(visit, leaderboard)
    assert "There is no board yet" in tab.text("#empty")
    assert tab.page.get_by_label("Board").is_disabled()
    leaderboard.put("Abc", "1", "60", "ann")
    tab.refresh()
    tab.wait_for_row("ann", "60")


def test_a_board_without_entries(visit: OpenTab, two_boards: Leaderboard) -> None:
    tab = go(visit, two_boards, "Gone")
    assert tab.text("#empty") == "The board “Gone” has no entries."
    assert tab.complaints == []


def test_an_error_is_shown_and_the_last_answer_stays(visit: OpenTab, two_boards: Leaderboard) -> None:
    tab = go(visit, two_boards)
    two_boards.status = 503
    tab.refresh()
    tab.page.locator("[data-state=error]").wait_for()
    assert tab.text("#state") == "Not up to date: the server answered 503. Trying again."
    assert tab.rows() == [("1", "ann", "60"), ("2", "cem", "50")]
    two_boards.status = 200
    two_boards.put("Abc", "1", "61")
    tab.refresh(after_ms=2 * REFRESH_MS)
    tab.wait_for_row("ann", "61")
    assert tab.text("#state") == "Live"


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en-GB", "Not up to date: too many requests at once. Trying again."),
        ("zh-CN", "数据不是最新的：请求过于频繁。正在重试。"),
    ],
)
def test_a_throttled_page_says_so_in_a_line(visit: OpenTab, two_boards: Leaderboard, locale: str, words: str) -> None:
    tab = go(visit, two_boards, locale=locale)
    two_boards.status = 429
    tab.refresh()
    tab.page.locator("[data-state=error]").wait_for()
    assert tab.text("#state") == words
    assert tab.rows() == [("1", "ann", "60"), ("2", "cem", "50")]


def test_an_error_of_the_first_request_is_shown_too(visit: OpenTab, two_boards: Leaderboard) -> None:
    two_boards.status = 500
    tab = go(visit, two_boards)
    assert tab.text("#empty") == "Not up to date: the server answered 500. Trying again."


def requests_in_a_minute(tab: Visit) -> int:
    """Move the page's clock on by a minute, and count what the page asks for."""
    tab.page.evaluate(COUNT_REQUESTS)
    tab.page.clock.run_for(60_000)
    return int(tab.page.evaluate("asked"))


def test_the_page_sends_no_request_while_hidden_or_paused(visit: OpenTab, two_boards: Leaderboard) -> None:
    tab = go(visit, two_boards)
    tab.page.evaluate(COUNT_REQUESTS)
    tab.refresh()
    assert tab.page.evaluate("asked") > 0
    tab.page.evaluate(HIDE % "true")
    assert requests_in_a_minute(tab) == 0
    with tab.refreshed():
        tab.page.evaluate(HIDE % "false")
    tab.page.get_by_role("button", name="Pause").click()
    assert tab.text("#state") == "Paused"
    assert requests_in_a_minute(tab) == 0
    with tab.page.expect_request("**/leaderBoard/?*"):
        tab.page.get_by_role("button", name="Resume").click()


@pytest.mark.parametrize("status", [429, 503])
def test_the_page_backs_off_while_requests_fail(visit: OpenTab, two_boards: Leaderboard, status: int) -> None:
    tab = go(visit, two_boards)
    two_boards.status = status
    waits_s = []
    for _ in range(6):
        tab.page.evaluate(COUNT_REQUESTS)
        waited_s = 0
        with tab.refreshed():
            while not tab.page.evaluate("asked"):
                tab.page.clock.run_for(1000)
                waited_s += 1
        waits_s.append(waited_s)
    assert waits_s[1] < waits_s[3]
    assert max(waits_s) <= 40


def test_what_has_not_changed_is_answered_with_304(visit: OpenTab, two_boards: Leaderboard) -> None:
    tab = go(visit, two_boards, "Abc&id=1")
    two_boards.statuses.clear()
    with tab.page.expect_response(lambda response: response.status == 304 and "hackathonName" in response.url):
        tab.refresh()
    assert set(two_boards.statuses) == {304}
    assert tab.rows() == [("1", "ann", "60"), ("2", "cem", "50")]
    assert tab.complaints == []


def test_only_the_own_origin_is_requested_and_paths_are_relative(visit: OpenTab, two_boards: Leaderboard) -> None:
    tab = go(visit, two_boards, "Abc&id=1")
    fetched = [url for url in tab.requests if not url.startswith("data:")]
    assert all(url.startswith(ADDRESS) for url in fetched)
    tab.page.goto(f"http://scorecast.test{STAGE}")
    tab.wait_for_row("ann", "60")
    assert tab.complaints == []


def test_it_speaks_chinese_to_a_chinese_browser(visit: OpenTab, two_boards: Leaderboard) -> None:
    tab = go(visit, two_boards, "Abc&id=1", locale="zh-CN")
    assert tab.page.locator("html").get_attribute("lang") == "zh-Hans"
    assert tab.text("#standings thead").split() == ["名次", "姓名", "分数"]
    assert tab.text("#state") == "实时"
    assert tab.text("#total") == "2 名参与者"
    assert tab.text("#updated").startswith("最近更新：")


def test_the_language_can_be_switched_and_is_remembered(visit: OpenTab, two_boards: Leaderboard) -> None:
    tab = go(visit, two_boards)
    tab.page.get_by_role("button", name="中文").click()
    assert tab.text("#state") == "实时"
    tab.page.reload()
    tab.wait_for_text("#state", "实时")
    tab.page.get_by_role("button", name="English").click()
    assert tab.text("#state") == "Live"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_it_fits_the_screen(visit: OpenTab, leaderboard: Leaderboard, width: int, scheme: str, locale: str) -> None:
    leaderboard.put("Abc", "1", EXACT, "endless" * 30)
    leaderboard.put("Abc", "2" * 300, f"-{EXACT}")
    viewport = {"width": width, "height": 700}
    tab = go(visit, leaderboard, f"Abc&id={'2' * 300}", viewport=viewport, color_scheme=scheme, locale=locale)
    tab.page.locator("summary").click()
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [390, 1280])
def test_a_long_title_is_wrapped_between_its_words(visit: OpenTab, leaderboard: Leaderboard, width: int) -> None:
    title = "International Collegiate Championship"
    leaderboard.put(title, "1", "60", "ann")
    tab = go(visit, leaderboard, viewport={"width": width, "height": 700})
    lines_of_words = """heading => heading.textContent.split(" ").map((word, at, words) => {
        const range = document.createRange(), start = words.slice(0, at).join(" ").length + (at ? 1 : 0);
        range.setStart(heading.firstChild, start);
        range.setEnd(heading.firstChild, start + word.length);
        return range.getClientRects().length;
    })"""
    assert tab.page.locator("h1").evaluate(lines_of_words) == [1, 1, 1]


@pytest.mark.parametrize("width", [390, 1280])
def test_a_score_of_usual_length_stays_on_one_line(visit: OpenTab, leaderboard: Leaderboard, width: int) -> None:
    for participant, score in (("1", "1234567.25"), ("2", "999999"), ("3", "5")):
        leaderboard.put("Abc", participant, score, "ann")
    tab = go(visit, leaderboard, "Abc&id=2", viewport={"width": width, "height": 700})
    for cells in ("#entries td.score", "#neighbours td.score"):
        heights = [height(cell) for cell in tab.page.locator(cells).all()]
        assert len(heights) == 3
        assert max(heights) < min(heights) + 2, cells
