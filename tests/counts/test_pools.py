"""A file for each pool: samples of all of them in one sheet."""

import pandas as pd
import pytest

from compartments.counts.reading import read_counts
from tests.bad_inputs import toy
from tests.counts.test_hashtags import in_h5ad
from tests.support.pools import pool

GIVEN = ("--problems", "problems.txt", "--notes", "n.txt")


@pytest.fixture
def pools(tmp_path):
    """Two pools that have the same tags, of other samples."""
    for number in (1, 2):
        in_h5ad(tmp_path / f"pool{number}.h5ad", pool(300, 3, number)[0])
    rows = [
        f"{one}\tHTO{tag}\t{sample}"
        for one, names in (("A", "abc"), ("B", "def"))
        for tag, sample in zip("123", names, strict=True)
    ]
    (tmp_path / "tags.tsv").write_text("\n".join(["pool\ttag\tsample", *rows]) + "\n")
    sheet = "".join(f"{name},p{n},CSF,{'HC' if n % 2 else 'MS'}\n" for n, name in enumerate("abcdef"))
    (tmp_path / "s.csv").write_text(f"sample,donor,compartment,condition\n{sheet}")
    return (
        "--path",
        "pool1.h5ad",
        "pool2.h5ad",
        "--pool",
        "A",
        "B",
        "--hashtags",
        "tags.tsv",
        "--samplesheet",
        "s.csv",
    )


def test_each_pool_has_samples_of_its_own(execute, tmp_path, pools):
    assert execute("split_study", *pools, *GIVEN).returncode == 0
    assert (tmp_path / "problems.txt").read_text() == ""
    sheet = pd.read_csv(tmp_path / "split" / "s.csv")
    assert list(sheet["sample"]) == list("abcdef")
    found = {name: len(read_counts(tmp_path / "split" / "samples" / f"{name}.h5ad").barcodes) for name in "abcdef"}
    for number, names in ((1, "abc"), (2, "def")):
        truth = pool(300, 3, number)[1]
        for tag, name in enumerate(names):
            assert abs(found[name] - (truth == tag).sum()) <= 0.03 * 300, (name, found)
    notes = (tmp_path / "n.txt").read_text().splitlines()
    assert sum("'Doublet' and are left out" in one for one in notes) == 2 and notes[0].startswith("note: pools: ")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("pool\ttag", "group\ttag"), "tags.tsv: column 'pool' is missing; of several pools it says"),
        (("B\t", "C\t"), "tags.tsv, column pool: no row is of pool 'B'; it has A, C"),
        (("HTO3\tf", "HTO3\ta"), "sample 'a' is in pool1.h5ad, too; cells of one pool in several lanes are samples of"),
        (("HTO3\tf", "HTO3\tg"), "s.csv row 7, column sample: 'f' is no value of the hashtags of tags.tsv; it has"),
    ],
)  # fmt: skip
def test_a_table_that_does_not_fit_the_pools_is_a_line(execute, tmp_path, pools, change, line):
    table = tmp_path / "tags.tsv"
    table.write_text(table.read_text().replace(*change))
    assert execute("split_study", *pools, *GIVEN).returncode == 0
    (said,) = (tmp_path / "problems.txt").read_text().splitlines()
    assert line in said and not (tmp_path / "split").exists()


def test_a_column_of_obs_of_each_file(execute, tmp_path):
    for name in ("one", "two"):
        columns = {"donor": [name] * 50, "compartment": ["CSF"] * 50, "condition": ["HC"] * 50}
        obs = toy.frame(toy.barcodes()[:50], s=[f"{name}_a"] * 20 + [f"{name}_b"] * 30, **columns)
        toy.h5ad(tmp_path / f"{name}.h5ad", toy.cells().astype("float32"), obs=obs)
    given = ("--path", "one.h5ad", "two.h5ad", "--pool", "1", "2", "--sample_key", "s")
    assert execute("split_study", *given, *GIVEN).returncode == 0
    assert (tmp_path / "problems.txt").read_text() == ""
    sheet = pd.read_csv(tmp_path / "split" / "samplesheet.csv")
    assert list(sheet["sample"]) == ["one_a", "one_b", "two_a", "two_b"]
    assert len(read_counts(tmp_path / "split" / sheet["filtered"][3]).barcodes) == 30
