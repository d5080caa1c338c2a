"""Cohorts that were compared with other settings are not taken together."""

from dataclasses import replace

import pytest

from compartments.after.before import Before
from compartments.after.settings import check_settings
from compartments.core.errors import UserError
from compartments.core.files import write_json
from tests.support.published import publish
from tests.support.sheets import GOOD


@pytest.fixture
def two(tmp_path):
    return [Before.open(publish(tmp_path / name, GOOD)) for name in ("one", "two")]


def of(cohort, primary=None, **given):
    study = cohort.study if primary is None else replace(cohort.study, primary_lineages=primary)
    return replace(cohort, parameters=cohort.parameters | given, study=study)


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ({"equiv_margin": 0.3}, {}, "differ in --equiv_margin (0.3 and 1)"),
        ({}, {"relative_reference": "median"}, "differ in --relative_reference (mode and median)"),
        ({}, {"reference_lineages": "NK,B"}, "differ in --reference_lineages (not given and B,NK)"),
        ({}, {"min_cells_pb": 50}, "differ in --min_cells_pb (10 and 50)"),
        ({}, {"lr_resource": "cellphonedb"}, "differ in --lr_resource (consensus and cellphonedb)"),
        ({"gene_sets": "/a/own.gmt"}, {}, "differ in --gene_sets (own.gmt and not given)"),
        ({}, {"interaction_groups": "/a/g.tsv"}, "differ in --interaction_groups (not given and g.tsv)"),
        ({"primary": ["pDC"]}, {"primary": ["B", "pDC"]}, "differ in --primary_lineages (pDC and B,pDC)"),
    ],
)
def test_estimates_of_other_settings_have_no_mean(two, first, second, said):
    """In either order of the folders: what the first of them says must not become what the whole is called by."""
    one, other = of(two[0], **first), of(two[1], **second)
    with pytest.raises(UserError) as error:
        check_settings(one, other)
    assert said in str(error.value) and "\n" not in str(error.value)
    name, value = said.split("--")[1].split(" ")[0], said.split("(")[1].split(" and ")[0]
    value = {"not given": "", "own.gmt": "/a/own.gmt"}.get(value, value)
    again = f"compare {other.root} --out NEW --{name} '{value}'"
    assert str(error.value).endswith(f"; make one again with the other's: sc-compartments {again}")
    with pytest.raises(UserError, match=f"differ in --{name} "):
        check_settings(other, one)


def test_the_same_settings_however_they_are_written(two):
    one, other = (
        of(two[0], ["B", "pDC"], equiv_margin=1, min_cells_pb="10"),
        of(two[1], ["pDC", "B"], equiv_margin="1.0"),
    )
    check_settings(one, of(other, covariates="age", seed=2, calibrate="off", regulators="/a/net.tsv"))
    # what most lineages share is asked of no study that names those which did not change
    named = [
        of(each, reference_lineages="B", relative_reference=kind)
        for each, kind in zip(two, ("mode", "median"), strict=True)
    ]
    check_settings(*named)


def test_a_file_is_what_it_holds(two):
    def digest(cohort, value):
        rows = [{"@id": "#file/gene_sets/own.gmt", "name": "own.gmt", "sha256": value * 32}]
        write_json({"@graph": rows}, cohort.root / "ro-crate-metadata.json")

    one, other = of(two[0], gene_sets="/a/own.gmt"), of(two[1], gene_sets="/b/own.gmt")
    check_settings(one, other)  # nothing tells them apart
    digest(one, "ab"), digest(other, "cd")
    with pytest.raises(UserError, match=r"\(own.gmt, SHA-256 abababababab and own.gmt, SHA-256 cdcdcdcdcdcd\)"):
        check_settings(one, other)
    digest(other, "ab")
    check_settings(one, of(other, gene_sets="/b/renamed.gmt"))


def test_the_error_of_counted_totals_counts_on_the_absolute_scale_alone(two):
    counted = [
        replace(one, study=replace(one.study, samples=one.study.samples.assign(cells_per_ul=9.0))) for one in two
    ]
    for one, error in zip(two, (0.15, 0.3), strict=True):
        write_json({"cv_total": error}, one.root / "composition/composition.json")
    check_settings(*two)
    check_settings(two[0], counted[1])  # their compositions are not taken together at all
    with pytest.raises(UserError, match=r"differ in --cv_total \(0.15 and 0.3\).*; run one of them again"):
        check_settings(*counted)
    check_settings(*(of(one, relative_reference=kind) for one, kind in ((counted[0], "mode"), (counted[0], "median"))))
