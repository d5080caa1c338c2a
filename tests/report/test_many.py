"""Figures of many samples."""

import pandas as pd

from compartments.report import many


def test_few_samples_share_a_figure_and_many_have_one_for_each_compartment(gappy, monkeypatch):
    table = pd.DataFrame({"sample": gappy.study.samples["sample"], "n": 1})
    assert [place for place, _ in many.parts(gappy, table)] == [""]
    monkeypatch.setattr(many, "MOST", 5)
    parts = dict(many.parts(gappy, pd.concat([table, pd.DataFrame({"sample": ["left"], "n": 2})])))
    assert list(parts) == ["blood", "CSF", "other samples"]
    assert sum(map(len, parts.values())) == len(table) + 1 and all(parts["CSF"]["sample"].str.endswith("_CSF"))
    assert many.tagged("cells", "CSF") == "cells_CSF" and many.tagged("cells", "") == "cells"
    assert many.of("CSF") == ": CSF" and many.of("") == ""
