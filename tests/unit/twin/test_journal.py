"""What is written together is read together, in the order in which it came, or not at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from scorecast.twin.journal import FILE, Cut, Journal, Put, Remove, RemoveBefore, last_cut


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / FILE


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    opened = Journal(path)
    yield opened
    opened.close()


def keys(journal: Journal, owner: str = "a") -> list[str]:
    return [key for key, _ in journal.rows(owner)]


def test_rows_are_read_in_the_order_in_which_they_were_first_put(journal: Journal) -> None:
    journal.write(Cut(1, 1.0), [Put("a", "z", b"1"), Put("a", "y", b"2"), Put("b", "x", b"3")])
    journal.write(Cut(2, 2.0), [Put("a", "z", b"4"), Put("a", "c", b"5")])
    assert list(journal.rows("a")) == [("z", b"4"), ("y", b"2"), ("c", b"5")]
    assert sorted(journal.owners()) == ["a", "b"]


def test_rows_are_removed_one_by_one_all_together_or_those_before_one(journal: Journal) -> None:
    journal.write(Cut(1, 1.0), [Put("a", key, b"") for key in "zyxw"])
    journal.write(Cut(2, 2.0), [Remove("a", "w"), RemoveBefore("a", "x")])
    assert keys(journal) == ["x"]
    journal.write(Cut(3, 3.0), [Remove("a"), Put("a", "v", b"")])
    assert keys(journal) == ["v"]


def test_a_whole_cut_replaces_everything(journal: Journal) -> None:
    journal.write(Cut(1, 1.0), [Put("a", "1", b""), Put("b", "1", b"")])
    journal.write(Cut(2, 2.0), [Put("a", "2", b"")], is_whole=True)
    assert (keys(journal), keys(journal, "b")) == (["2"], [])


def test_a_cut_that_fails_leaves_nothing(journal: Journal) -> None:
    def changes() -> Iterator[Put]:
        yield Put("a", "2", b"")
        raise OSError("the disk is full")

    journal.write(Cut(1, 1.0), [Put("a", "1", b"")])
    with pytest.raises(OSError, match="full"):
        journal.write(Cut(2, 2.0), changes(), is_whole=True)
    assert keys(journal) == ["1"]
    assert journal.last_cut() == Cut(1, 1.0)


def test_another_process_reads_the_last_cut(path: Path) -> None:
    assert last_cut(path) is None
    killed = Journal(path)
    assert killed.last_cut() is None
    killed.write(Cut(7, 1234.5), [])
    assert last_cut(path) == Cut(7, 1234.5)
    killed.close()
