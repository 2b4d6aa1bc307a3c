"""Draws the pictures of the page for the documentation: `python -m tests.page.screenshots [FOLDER]`.

The page shows 600 invented participants of a board in memory, so the pictures are the same at each run.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.page import browser
from tests.page.leaderboard import Leaderboard, go, serve_empty

DOCS = Path(__file__).parents[2] / "docs"
FIRST_ID, PARTICIPANTS = 1001, 600
FIRST_NAMES = [
    "Ada",
    "Amara",
    "Bao",
    "Chiara",
    "Dmitri",
    "Elif",
    "Hana",
    "Ines",
    "Jonas",
    "Leila",
    "Priya",
    "Rosa",
    "Sven",
]
LAST_NAMES = ["Dubois", "Haddad", "Karimi", "Lindqvist", "Mensah", "Novak", "Okafor", "Roy", "Ruiz", "Suzuki", "Tran"]
BOARD = "StarWar"


def fill(leaderboard: Leaderboard) -> str:
    """Write the entries; return the id of the one in seventh place."""
    chance = random.Random(8)
    scores = [round(chance.gauss(65_000, 12_000)) for _ in range(PARTICIPANTS)]
    for number, score in enumerate(scores, start=FIRST_ID):
        name = f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}"
        leaderboard.put(BOARD, str(number), str(score), name)
    seventh = sorted(scores, reverse=True)[6]
    return str(FIRST_ID + scores.index(seventh))


def draw(tab: browser.OpenTab, path: Path, found: bool = False, **options: Any) -> None:
    """Draw the page after one participant has risen from rank 7 to rank 3."""
    with pytest.MonkeyPatch.context() as patch:
        leaderboard = serve_empty(patch)
        rising = fill(leaderboard)
        visit = go(tab, leaderboard, f"{BOARD}&id={rising}" if found else BOARD, reduced_motion="reduce", **options)
        third = int(visit.rows()[2][2].replace(",", ""))
        leaderboard.put(BOARD, rising, str(third + 37))
        visit.refresh(10)  # the chart follows every tenth time
        visit.page.screenshot(path=path, full_page=found)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS
    with browser.running() as running:

        def open_tab(**options: Any) -> browser.Visit:
            return browser.Visit(running.new_context(**options))

        size = {"width": 1280, "height": 800}
        draw(open_tab, folder / "page-desktop.png", found=True, color_scheme="light", viewport=size)
        size = {"width": 390, "height": 844}
        draw(open_tab, folder / "page-phone.png", color_scheme="dark", viewport=size)
        size = {"width": 1280, "height": 720}
        draw(open_tab, folder / "page-screen.png", mode="?screen", color_scheme="dark", viewport=size)


if __name__ == "__main__":
    if missing := browser.what_is_missing():
        sys.exit(f"No pictures are drawn: {missing}.")
    main()
