"""What was kept of the looks into files."""

from compartments.core.files import write_json
from compartments.counts.looks import read_looks


def test_equal_lists_of_genes_are_one(tmp_path):
    genes = {"symbol": ["A", "B"], "gene_id": ["a", "b"]}
    other = {"symbol": ["A", "C"], "gene_id": ["a", "b"]}
    given = {"s2": {"genes": genes}, "s1": {"genes": genes}, "s3": {"genes": other}, "s4": {}}
    for sample, more in given.items():
        write_json({"sample": sample, **more}, tmp_path / f"{sample}.cells.json")
    found = read_looks(tmp_path / f"{sample}.cells.json" for sample in given)
    assert [one["sample"] for one in found] == ["s1", "s2", "s3", "s4"]
    assert found[0]["genes"] is found[1]["genes"] and found[0]["genes"] == genes
    assert found[2]["genes"] == other and "genes" not in found[3]
