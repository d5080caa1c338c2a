"""A model for every compartment: what --celltypist_model may say."""

import pytest

from compartments.core.errors import UserError
from compartments.study.models import check_models

BOTH = ["blood", "CSF"]


@pytest.mark.parametrize("value", [None, "", "m.pkl", "a.pkl,b.pkl", "blood=a.pkl, CSF=b.pkl", "./x=1/m.pkl"])
def test_a_model_for_all_or_one_for_each(value):
    check_models(value, BOTH)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("blood=a.pkl,csf=b.pkl", "'csf' is no compartment; did you mean 'CSF'"),
        ("blood=a.pkl,CFS=b.pkl", "'CFS' is no compartment; did you mean 'CSF'"),
        ("blood=a.pkl,CSF=b.pkl,BAL=c.pkl", "'BAL' is no compartment; the samplesheet has blood, CSF"),
        ("blood=a.pkl", "compartment 'CSF' has no model; give one for each of blood, CSF"),
        ("blood=a.pkl,CSF=b.pkl,blood=c.pkl", "compartment 'blood' has 2 models; give one"),
        ("blood=a.pkl,b.pkl", "'b.pkl' stands for no compartment, others do; .* blood=MODEL,CSF=MODEL"),
    ],
)
def test_what_is_unknown_doubled_or_lacking_is_one_line(value, line):
    with pytest.raises(UserError, match=f"--celltypist_model: {line}"):
        check_models(value, BOTH)
