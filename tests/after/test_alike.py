"""Donors of two cohorts who are one person are warned of, others are not."""

from types import SimpleNamespace

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from compartments.after.alike import Looked, extreme, likeness_of_donors, recounted, warnings_of
from compartments.core.left_out import LeftOut

LINEAGES, GENES, WHITELIST = 3, 400, 737_280


def cells_of(rng, sample, n=600):
    barcodes = rng.choice(WHITELIST, n, replace=False)
    umis = np.exp(rng.normal(8, 0.5, n)).astype(int)
    return pd.DataFrame({"sample": sample, "barcode": [f"B{b}" for b in barcodes], "total_counts": umis, "n_genes": 9})


def cohort(seed, people, root, name):
    """Three and three donors with blood and CSF, as pseudobulks: own expression, a batch, a condition, noise.

    Parameters
    ----------
    people : sequence of int
        Who the donors are: one number, one person.
    """
    rng, nature = np.random.default_rng(seed), np.random.default_rng(0)
    profile = nature.normal(0, 1, GENES) + nature.normal(0, 0.5, (LINEAGES, GENES))
    changed = nature.normal(0, 0.3, (LINEAGES, GENES))
    batch = rng.normal(0, 0.3, (LINEAGES, GENES))
    obs, rows = [], []
    for number, person in enumerate(people):
        own = np.random.default_rng([7, person]).normal(0, 0.3, (LINEAGES, GENES))
        for compartment in ("blood", "CSF"):
            noise = rng.normal(0, 0.15, (LINEAGES, GENES))
            rates = np.exp(profile + batch + own + noise + changed * (number < 3))
            rows.append(rng.poisson(rates / rates.sum(1, keepdims=True) * 30_000))
            about = (f"{name}{number}_{compartment}", f"{name}{number}", compartment, "ab"[number < 3])
            obs += [(*about, f"L{lineage}", 50) for lineage in range(LINEAGES)]
    obs = pd.DataFrame(obs, columns=["sample", "donor", "compartment", "condition", "lineage", "n_cells"])
    var = pd.DataFrame({"everywhere": True}, index=[f"G{gene}" for gene in range(GENES)])
    counts = sparse.csr_matrix(np.vstack(rows))
    (root / name / "cohort").mkdir(parents=True)
    bulk = anndata.AnnData(obs=obs.set_axis(obs.index.astype(str)), var=var, layers={"corrected": counts})
    bulk.write_h5ad(root / name / "cohort/pseudobulk.h5ad")
    samples = obs.drop_duplicates("sample").drop(columns=["lineage", "n_cells"])
    looked = Looked(SimpleNamespace(root=root / name, study=SimpleNamespace(samples=samples)), name)
    looked.cells = pd.concat([cells_of(rng, sample) for sample in samples["sample"]])
    return looked


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("again", [None, 4])
def test_one_person_in_two_cohorts(tmp_path, seed, again):
    people = list(range(10, 16))
    people[5] = 15 if again is None else again
    two = [cohort(seed, range(6), tmp_path, "one"), cohort(seed + 50, people, tmp_path, "two")]
    left_out = LeftOut("combine")
    found = warnings_of(two, left_out)
    if again is None:
        assert found == []
    else:
        assert len(found) == 1 and found[0].startswith("donor 'one4' of one and 'two5' of two have in common")
    assert left_out.rows == []
    assert likeness_of_donors(*two).shape == (6, 6)


def test_of_other_sex_is_no_one_person(tmp_path):
    two = [cohort(1, range(6), tmp_path, "one"), cohort(2, [*range(10, 15), 4], tmp_path, "two")]
    two[0].sexes, two[1].sexes = {"one4": "F"}, {"two5": "M"}
    assert warnings_of(two, LeftOut("combine")) == []


def test_the_same_capture_counted_again():
    rng = np.random.default_rng(3)
    one = cells_of(rng, "a")
    thinned = one.assign(sample="b", total_counts=rng.binomial(one["total_counts"], 0.9)).sample(
        frac=0.9, random_state=1
    )
    other = pd.concat([thinned, cells_of(rng, "c")])
    ((first, second, n, expected),) = recounted(one, other)
    assert (first, second, n) == ("a", "b", 540) and expected == pytest.approx(600 * 540 / WHITELIST)


def test_barcodes_in_common_by_chance_or_with_other_counts_say_nothing():
    rng = np.random.default_rng(4)
    large = [cells_of(rng, name, 20_000) for name in "ab"]
    assert len(large[0].merge(large[1], on="barcode")) > 300  # of 737,280
    assert recounted(*large) == []
    shuffled = large[0].assign(sample="b", total_counts=rng.permutation(large[0]["total_counts"]))
    assert recounted(large[0], shuffled) == []


def test_without_sums_nothing_is_looked_for_and_it_is_said(tmp_path):
    two = [cohort(1, range(6), tmp_path, "one"), cohort(2, range(10, 16), tmp_path, "two")]
    (tmp_path / "two/cohort/pseudobulk.h5ad").unlink()
    left_out = LeftOut("combine")
    assert warnings_of(two, left_out) == []
    assert left_out.rows[0]["reason"].startswith("likeness of the donors of one and two")


def test_what_many_pairs_share_is_no_persons_own():
    """Two states in which the donors of both cohorts are: every other pair is alike."""
    rng = np.random.default_rng(5)
    states = np.outer(rng.choice([-1, 1], 6), rng.choice([-1, 1], 6)) * 0.5 + rng.normal(0, 0.05, (6, 6))
    table = pd.DataFrame(states, [f"a{i}" for i in range(6)], [f"b{i}" for i in range(6)])
    assert list(extreme(table)) == []
    alone = table * 0.1
    alone.iloc[2, 3] = 0.6
    assert [pair[:2] for pair in extreme(alone)] == [("a2", "b3")]
