"""The summary of what was taken out, and the soup as a table."""

import json

from compartments.cells.ambient import soup_table, summarise
from compartments.cells.removal import remove_ambient
from compartments.cells.split import split_droplets
from compartments.core.contract import Contract


def test_summary_and_soup_are_what_the_dictionary_says(sample):
    data, calls, own, noise, _ = sample
    cells, empties = split_droplets(data, calls)
    soup, reason = remove_ambient(cells, empties, "none", 1, "as asked")
    summary = summarise(cells, soup, reason, 5000, 3, "CSF")
    json.dumps(summary, allow_nan=False)
    for step in ("remove_ambient", "import_cellbender"):
        contract = Contract.of(step)
        contract.known(list(summary), "samples/s1/s1.ambient.json")
        assert contract.names("samples/s1/s1.soup.tsv.gz") == list(soup_table(cells))
    assert summary["reason"] == "as asked" and summary["traumatic_tap"] is True
    assert summary["counts_before"] == summary["counts_after"] == (own + noise).sum()
    assert soup_table(cells)["soup_fraction"].is_monotonic_decreasing
    assert (summarise(cells, None, None)["n_empty_droplets"], summarise(cells, None, None)["red_cell_index"]) == (
        None,
        None,
    )
