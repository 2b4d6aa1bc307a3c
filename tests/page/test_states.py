"""The page in each of its states, with an API that answers what the test says."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import scorecast.api
from scorecast.api.answer import page_answer

PAGE = page_answer(Path(scorecast.api.__file__).with_name("page.html").read_text(encoding="utf-8"))
ADDRESS = "http://scorecast.test/any/stage/"
EXACT = "12345678901234567890123456789012345678"
HIDE = """
    Object.defineProperty(document, "hidden", {value: %s, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
"""


class Api:
    """LeaderGet as the page sees it: boards of (rank, id, name, score written out); `status` breaks it."""

    def __init__(self, **boards: list[tuple[int, str, str | None, str]]) -> None:
        self.boards, self.status = boards, 200

    def answer(self, route: Any) -> None:
        url = urlsplit(route.request.url)
        if not url.path.endswith("/leaderBoard/"):
            route.fulfill(status=200, headers=PAGE["headers"], body=PAGE["body"])
        elif self.status != 200:
            route.fulfill(status=self.status, body="{}")
        else:
            status, body = self._board(parse_qs(url.query)) if url.query else (200, self._list())
            route.fulfill(status=status, content_type="application/json", body=body)

    def _list(self) -> str:
        return json.dumps(
            {"boards": [{"hackathonName": name, "total": len(rows)} for name, rows in self.boards.items()]}
        )

    def _board(self, query: dict[str, list[str]]) -> tuple[int, str]:
        [name] = query["hackathonName"]
        if name not in self.boards:
            return 404, "{}"
        rows = self.boards[name]
        entries = ",".join(
            f'{{"rank": {rank}, "id": {json.dumps(key)}, "userName": {json.dumps(who)}, "projectScore": {score}}}'
            for rank, key, who, score in rows[: int(query["limit"][0])]
        )
        return 200, f'{{"hackathonName": {json.dumps(name)}, "total": {len(rows)}, "entries": [{entries}]}}'


def go(visit: Any, api: Api, board: str = "", **options: Any) -> Any:
    tab = visit(**options)
    tab.page.route("**/*", api.answer)
    tab.page.goto(f"{ADDRESS}#{board}")
    tab.page.locator("body:not([data-state=loading])").wait_for()
    return tab


def test_it_opens_the_first_board_and_says_that_it_is_live(visit) -> None:
    tab = go(visit, Api(Abc=[(1, "1", "ann", "60")], Xyz=[(1, "2", "bob", "5")]))
    assert tab.rows() == [("1", "ann", "60")]
    assert tab.page.get_by_role("status").inner_text() == "Live"
    assert "updated" in tab.page.locator("#updated").inner_text()
    assert tab.complaints == []


def test_the_controls_have_labels_and_work_by_keyboard(visit) -> None:
    tab = go(visit, Api(Abc=[(1, "1", "ann", "60")], Xyz=[(1, "2", "bob", "5")]))
    tab.page.keyboard.press("Tab")
    assert tab.page.get_by_label("Board").evaluate("select => select === document.activeElement")
    tab.page.keyboard.press("ArrowDown")
    tab.wait_for_row("bob", "5")
    assert tab.page.url.endswith("#Xyz")
    assert tab.page.get_by_label("Show").input_value() == "10"
    assert tab.page.get_by_role("button", name="Pause").is_visible()


def test_the_number_of_rows_can_be_chosen(visit) -> None:
    tab = go(visit, Api(Abc=[(rank, str(rank), f"user {rank:02}", str(100 - rank)) for rank in range(1, 31)]))
    assert len(tab.rows()) == 10
    tab.page.get_by_label("Show").select_option("25")
    tab.wait_for_row("user 25", "75")
    assert tab.page.locator("#count").inner_text() == "25 of 30"


@pytest.mark.parametrize(("written", "shown"), [("1250.5", "1,250.5"), (EXACT, EXACT), ("-3", "-3")])
def test_a_score_keeps_all_its_digits(visit, written: str, shown: str) -> None:
    tab = go(visit, Api(Abc=[(1, "1", "ann", written)]))
    assert tab.rows() == [("1", "ann", shown)]


def test_an_entry_without_a_name_shows_its_id(visit) -> None:
    assert go(visit, Api(Abc=[(1, "number-seven", None, "60")])).rows() == [("1", "number-seven", "60")]


def test_no_board_yet(visit) -> None:
    tab = go(visit, Api())
    assert "There is no board yet" in tab.page.locator("#empty").inner_text()
    assert tab.page.get_by_label("Board").is_disabled()


def test_a_board_without_entries(visit) -> None:
    tab = go(visit, Api(Abc=[(1, "1", "ann", "60")]), board="Gone")
    assert tab.page.locator("#empty").inner_text() == "The board “Gone” has no entries."


def test_an_error_is_said_and_what_was_shown_stays(visit) -> None:
    api = Api(Abc=[(1, "1", "ann", "60")])
    tab = go(visit, api)
    api.status = 503
    tab.page.locator("[data-state=error]").wait_for()
    assert tab.page.get_by_role("status").inner_text() == "Not up to date: the server answered 503. Trying again."
    assert tab.rows() == [("1", "ann", "60")]
    api.status, api.boards["Abc"] = 200, [(1, "1", "ann", "61")]
    tab.wait_for_row("ann", "61")
    assert tab.page.get_by_role("status").inner_text() == "Live"


def test_it_rests_while_hidden_and_while_paused(visit) -> None:
    tab = visit()
    tab.page.route("**/*", Api(Abc=[(1, "1", "ann", "60")]).answer)
    tab.page.clock.install()
    tab.page.goto(ADDRESS)
    tab.page.locator("[data-state=live]").wait_for()

    def requests_in_a_minute() -> int:
        before = len(tab.requests)
        tab.page.clock.run_for(60_000)
        return len(tab.requests) - before

    tab.page.evaluate(HIDE % "true")
    assert requests_in_a_minute() == 0
    with tab.page.expect_request("**/leaderBoard/?*"):
        tab.page.evaluate(HIDE % "false")
    tab.page.get_by_role("button", name="Pause").click()
    assert tab.page.get_by_role("status").inner_text() == "Paused"
    assert requests_in_a_minute() == 0
    with tab.page.expect_request("**/leaderBoard/?*"):
        tab.page.get_by_role("button", name="Resume").click()


def test_it_speaks_chinese_to_a_chinese_browser(visit) -> None:
    tab = go(visit, Api(Abc=[(1, "1", "ann", "60")]), locale="zh-CN")
    assert tab.page.locator("html").get_attribute("lang") == "zh-Hans"
    assert tab.page.locator("thead").inner_text().split() == ["名次", "姓名", "分数"]
    assert tab.page.get_by_role("status").inner_text() == "实时"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_it_fits_the_screen(visit, width: int, scheme: str) -> None:
    api = Api(Abc=[(1, "1", "endless" * 30, EXACT), (2, "2" * 300, None, "-" + EXACT)])
    tab = go(visit, api, viewport={"width": width, "height": 700}, color_scheme=scheme)
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
