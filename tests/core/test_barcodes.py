"""Lists of barcodes come from ngs-tools alone."""

import gzip

import pytest

from compartments.core.barcodes import V3, barcodes_of


def test_a_list_has_one_barcode_on_each_line(tmp_path, monkeypatch):
    folder = tmp_path / "ngs_tools" / "chemistry" / "whitelists"
    folder.mkdir(parents=True)
    (tmp_path / "ngs_tools" / "__init__.py").write_text("")
    (folder / f"{V3}_whitelist.txt.gz").write_bytes(gzip.compress(b"AC\nGT"))
    monkeypatch.syspath_prepend(tmp_path)
    assert barcodes_of(V3) == b"AC\nGT\n", "the last line ends, too"


def test_without_ngs_tools_the_package_is_named(monkeypatch):
    monkeypatch.setattr("compartments.core.barcodes.find_spec", lambda _name: None)
    with pytest.raises(ModuleNotFoundError, match="ngs_tools"):
        barcodes_of(V3)
