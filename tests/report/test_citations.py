"""References."""

import pytest

from compartments.report.citations import Citations, bibtex


def test_unknown_citation_is_an_error(root):
    with pytest.raises(KeyError, match="nobody"):
        Citations(root / "assets" / "report" / "references.tsv").cite("nobody")


def test_every_reference_has_its_parts_in_bibtex(root):
    path = root / "assets" / "report" / "references.tsv"
    citations = Citations(path)
    keys = [line.split("\t")[0] for line in path.read_text().splitlines()[1:]]
    citations.cite(*keys)
    entries = citations.as_bibtex().split("\n\n")
    assert [entry.partition("{")[2].partition(",")[0] for entry in entries] == keys
    for entry in entries:
        for field in ("author", "title", "journal", "year", "volume", "doi"):
            assert f"  {field} = {{" in entry, entry
        assert entry.count("{") == entry.count("}")


def test_bibtex():
    text = "Lun ATL, van Eck NJ, et al. A title. With a dot. Genome Biol 2019;20:63-70."
    assert bibtex("key", text, "10.1/x").splitlines() == [
        "@article{key,",
        "  author = {Lun, A. T. L. and van Eck, N. J. and others},",
        "  title = {{A title. With a dot}},",
        "  journal = {Genome Biol},",
        "  year = {2019},",
        "  volume = {20},",
        "  pages = {63--70},",
        "  doi = {10.1/x}",
        "}",
    ]
    assert "author = {{The Gene Ontology Consortium}}" in bibtex(
        "go", "The Gene Ontology Consortium. A. B 2023;1:2.", ""
    )
    with pytest.raises(ValueError, match="'x' is not"):
        bibtex("x", "no reference", "")
