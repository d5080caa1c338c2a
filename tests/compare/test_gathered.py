"""What is brought to the comparison of interactions: groups of pairs, tables of the samples."""

import numpy as np
import pandas as pd
import pytest

from compartments.compare.gathered import check_groups, read_samples
from compartments.core.errors import UserError
from compartments.core.left_out import LeftOut
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from tests.support.signalling import GROUPS, STEP, make_cohort


def test_a_group_with_the_name_of_a_migration_group_is_refused_and_one_without_pairs_named():
    left_out = LeftOut(STEP)
    check_groups({"mine": GROUPS["near"], "strange": np.zeros(5, bool)}, GROUPS, "groups.tsv", left_out)
    assert [row["reason"] for row in left_out.rows] == [
        "group 'strange' of groups.tsv: none of its pairs is in the resource"
    ]
    with pytest.raises(UserError, match="groups.tsv: group 'far' is a group of migration pairs already"):
        check_groups({"far": GROUPS["near"]}, GROUPS, "groups.tsv", left_out)


def test_samples_stand_in_the_order_of_the_study_with_what_they_are(tmp_path):
    study, _ = make_cohort()
    paths = []
    for sample in ("D5_CSF", "D0_blood", "unknown"):
        table = pd.DataFrame({"sample": sample, "network": "all", "lineage": ["NA", "B"], "share": [0.25, 0.75]})
        paths.append(tmp_path / f"{sample}.centrality.tsv")
        table.to_csv(paths[-1], sep="\t", index=False)
    joined = read_samples(paths, study.of_specimens(), [], ["network", "lineage"])
    assert list(joined) == ["sample", "donor", "compartment", "condition", "network", "lineage", "share"]
    assert joined["sample"].tolist() == ["D0_blood", "D0_blood", "D5_CSF", "D5_CSF"]
    assert joined["lineage"].tolist() == ["NA", "B", "NA", "B"]
    assert joined["condition"].tolist() == ["treated", "treated", "control", "control"]


def test_without_a_sample_the_table_has_columns_alone():
    study, _ = make_cohort()
    assert list(read_samples([], study, ["sample", "network"], [])) == ["sample", "network"]


def test_captures_of_a_specimen_are_one_sample(tmp_path):
    rows = ["sample,donor,compartment,condition,filtered"]
    for donor, condition in (("P", "treated"), ("Q", "control")):
        rows += [f"{donor}{x},{donor},{c},{condition},{donor}{x}.h5" for x, c in ((1, "CSF"), (2, "CSF"), (3, "blood"))]
    study = make_study(parse_samplesheet("\n".join(rows))).of_specimens()
    paths = [tmp_path / f"{sample}.network.tsv" for sample in ("P1", "P2", "Q3")]
    for number, path in enumerate(paths):
        table = {"sample": path.name.split(".")[0], "network": "all", "source": "A", "target": "B"}
        pd.DataFrame([table | {"strength": number + 1.0}]).to_csv(path, sep="\t", index=False)
    joined = read_samples(paths, study, [], ["network", "source", "target"])
    assert joined[["sample", "strength"]].to_numpy().tolist() == [["P1", 1.5], ["Q3", 3.0]]
