"""What the uncoupling hangs on."""

from compartments.report.sections import coupling
from tests.support.tables import write

FIGURE = "tau_treated_vs_untreated_CSF"


def test_every_driver_is_a_dot_beside_tau(gappy, named):
    blocks = named(coupling.build(gappy))
    drivers, table = gappy.needed("coupling/drivers.tsv"), gappy.needed("coupling/coupling.tsv")
    traces = {trace["name"]: trace for trace in blocks[FIGURE].traces}
    for kind in ("lineage", "donor"):
        expected = drivers[(drivers["kind"] == kind) & (drivers["level"] == "lineage")]
        assert sorted(traces[f"without one {kind}"]["x"]) == sorted(expected["tau_u"])
    assert len(traces["without one lineage"]["x"]) > 5 and traces["all"]["x"] == [table["tau_u"].iloc[0]]
    row = table.iloc[0]
    said = f"{row['n_condition']} treated and {row['n_reference']} untreated donors with both compartments"
    assert said in blocks[FIGURE].words.caption
    assert len(blocks["coupling_table"].frame) == len(table) and len(blocks["drivers_table"].frame) == len(drivers)


def test_no_figure_without_drivers(gappy, bare, named):
    write(gappy.needed("coupling/coupling.tsv"), bare.results.root, "coupling/coupling.tsv")
    assert list(named(coupling.build(bare))) == ["coupling_table"]
