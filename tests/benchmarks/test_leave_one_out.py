"""Leave-one-out: what is hidden in each part, what is kept between runs, what is printed."""

import gzip
from pathlib import Path

import numpy as np
import orjson
import pytest
from click.testing import CliRunner

from benchmarks import beauty_sasrec, s3rec_beauty
from benchmarks.kept import keep, kept
from benchmarks.leave_one_out import halved, task_of
from search_rerank.data.history import History
from search_rerank.data.sequences import catalogue_of
from search_rerank.errors import DataError

HISTORIES = {"u": ["a", "b", "c", "d"], "v": ["b", "c"], "w": ["c"]}
ITEMS = catalogue_of(["a", "b", "c", "d"])


def test_the_test_part_asks_for_the_last_item() -> None:
    task = task_of(HISTORIES, ITEMS, "test")
    assert [seen.tolist() for seen in task.histories] == [[0, 1, 2], [1]]
    assert [targets.tolist() for targets in task.targets] == [[3], [2]]
    assert sorted(task.events.item.tolist()) == [0, 1, 1, 2]


def test_the_validation_part_knows_neither_its_answers_nor_the_tests() -> None:
    task = task_of(HISTORIES, ITEMS, "validation")
    assert [seen.tolist() for seen in task.histories] == [[0, 1]]
    assert [targets.tolist() for targets in task.targets] == [[2]]
    assert sorted(task.events.item.tolist()) == [0, 1]


def test_halves_share_no_shopper() -> None:
    task = task_of(HISTORIES, ITEMS, "test")
    first, second = (halved(task, half).histories for half in (0, 1))
    assert [seen.tolist() for seen in (*first, *second)] == [[0, 1, 2], [1]]


def test_a_kept_scorer_scores_alike_and_only_with_its_options(tmp_path: Path) -> None:
    task, stem = task_of(HISTORIES, ITEMS, "test"), tmp_path / "new" / "scorer"
    options = {"decay": 0.5}
    scorer = task.fit("co_occurrence", options)
    assert kept(stem, "co_occurrence", options) is None
    keep(stem, scorer)
    again = kept(stem, "co_occurrence", options)
    assert again is not None
    history, items = History.of([0]), np.arange(4, dtype=np.int32)
    np.testing.assert_array_equal(again.score(history, items), scorer.score(history, items))
    assert kept(stem, "co_occurrence", {"decay": 0.6}) is None
    np.savez(stem.with_suffix(".npz"), known=np.ones(4, dtype=np.bool_))
    assert kept(stem, "co_occurrence", options) is None, "another version's arrays"


def write_chain(folder: Path) -> Path:
    """Each shopper goes on from item to item; who is asked saw where others went on."""
    rows = [
        f"u{user} i{(user + step) % 12}\n" for user in range(48) for step in range(4 + user % 3)
    ]
    with gzip.open(folder / "beauty.txt.gz", "wt") as file:
        file.writelines(rows)
    return folder


@pytest.mark.parametrize("part", ["validation", "test"])
def test_every_scorer_and_fusion_has_a_row(tmp_path: Path, part: str) -> None:
    asked = ["--data", str(write_chain(tmp_path)), "--part", part]
    asked += ["--scorers", "popularity,co_occurrence", "--json", str(tmp_path / "out.json")]
    done = CliRunner().invoke(beauty_sasrec.main, [*asked, "--fitted", str(tmp_path / "fitted")])
    assert done.exit_code == 0, done.output
    rows = {
        row["system"]: row for row in orjson.loads((tmp_path / "out.json").read_bytes())["rows"]
    }
    ours = ["popularity", "co_occurrence", "vote", "weighted", "lambdamart"]
    published = [name for name in rows if name.endswith("(published)")]
    assert list(rows) == ours + published
    assert len(published) == (3 if part == "test" else 0)
    assert rows["co_occurrence"]["HR@10"] == rows["vote"]["HR@10"] == 1.0
    fitted = {path.name for path in (tmp_path / "fitted").glob("*.npz")}
    assert f"beauty_sasrec-{part}-co_occurrence.npz" in fitted


def test_an_unknown_scorer_is_refused_with_the_known() -> None:
    done = CliRunner().invoke(beauty_sasrec.main, ["--scorers", "co_occurence"])
    assert done.exit_code == 2
    assert "expected some of popularity" in done.output


def test_a_fusion_of_nothing_that_retrieves_is_refused() -> None:
    done = CliRunner().invoke(beauty_sasrec.main, ["--scorers", "popularity"])
    assert done.exit_code == 2
    assert "a fusion needs one of co_occurrence" in done.output


def test_items_without_a_row_are_refused(tmp_path: Path) -> None:
    def write(name: str, text: str) -> None:
        with gzip.open(tmp_path / name, "wt") as file:
            file.write(text)

    write("items.csv.gz", "asin,s3rec_id,title,categories_json\nA,1,One red thing,[]\n")
    write("interactions.csv.gz", "user_id,asin,position,timestamp\nu,A,0,1\n")
    write("hem_recipe_queries.csv.gz", "query_id,query,asin\n1,things,A\n")
    with pytest.raises(DataError, match=r"found 1 missing, such as 2"):
        s3rec_beauty.catalogue(tmp_path, ["1", "2"])
