"""Names in HDF5 files, in every encoding."""

import h5py
import numpy as np
import pytest

from compartments.counts.hdf5 import column_of, missing_codecs, row_names, strings_of, text_of, whole


@pytest.fixture
def file(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        yield handle


def test_strings_in_every_encoding(file):
    file["fixed"] = np.array([b"CD3E", "Ä".encode()])
    file["variable"] = ["CD3E", "Ä"]
    file["categories/codes"], file["categories/categories"] = [0, -1, 1], ["CD3E", "Ä"]
    file["nullable/values"], file["nullable/mask"] = ["CD3E", "x", "Ä"], [False, True, False]
    assert strings_of(file["fixed"]).tolist() == strings_of(file["variable"]).tolist() == ["CD3E", "Ä"]
    assert strings_of(file["categories"]).tolist() == strings_of(file["nullable"]).tolist() == ["CD3E", "", "Ä"]


def test_rows_and_columns_of_old_frames(file):
    file["var"] = np.array([(b"G1", b"a"), (b"G2", b"b")], [("index", "S2"), ("symbol", "S1")])
    assert row_names(file["var"]).tolist() == ["G1", "G2"] and column_of(file["var"], "symbol").tolist() == ["a", "b"]
    file["obs/kind"], file["obs/__categories/kind"] = [1, 0], ["T", "B"]
    assert column_of(file["obs"], "kind").tolist() == ["B", "T"]


def test_rows_of_frames_of_today(file):
    file["var/_index"] = ["G1", "G2"]
    assert row_names(file["var"]).tolist() == ["G1", "G2"]
    file["obs/barcode"] = ["A", "B"]
    file["obs"].attrs["_index"] = "barcode"
    assert row_names(file["obs"]).tolist() == ["A", "B"]


def test_texts_of_attributes():
    given = [b"v3", "v3", np.array([b"v3"]), np.array(["v3", "v4"], object)]
    assert {text_of(value) for value in given} == {"v3"}
    assert text_of(np.array([])) == text_of(h5py.Empty("S1")) == ""


def test_a_dataset_that_claims_more_than_it_stores(file):
    file.create_dataset("packed", data=np.zeros(30_000_000, np.int8), compression="gzip")
    assert whole(file["packed"]).shape == (30_000_000,)
    file.create_dataset("claims", shape=(10**12,), dtype=np.int32, chunks=(10**6,), compression="gzip")
    file["nothing"] = h5py.Empty("f")
    for name in ("claims", "nothing"):
        with pytest.raises(ValueError, match=name):
            whole(file[name])


def test_missing_codes_of_old_categories(file):
    file["obs/kind"], file["obs/__categories/kind"] = np.array([1, -1], np.int8), ["T", "B"]
    assert column_of(file["obs"], "kind").tolist() == ["B", ""]


@pytest.mark.parametrize(
    ("code", "name"), [(32015, "zstd"), (32004, "lz4"), (32001, "blosc"), (40000, "a codec of its")]
)
def test_a_codec_that_is_not_here_is_named(tmp_path, code, name):
    """Also where others are: gzip is always there."""
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        handle.create_dataset("gzip", data=np.arange(10), compression="gzip")
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((10,))
        plan.set_filter(code, h5py.h5z.FLAG_OPTIONAL)
        h5py.h5d.create(handle.id, b"other", h5py.h5t.STD_I32LE, h5py.h5s.create_simple((10,)), plan)
    found = missing_codecs(tmp_path / "a.h5")
    assert found.startswith(name) and found.endswith(f"(HDF5 filter {code})") and "gzip" not in found
    (tmp_path / "b.h5").write_bytes(b"no HDF5")
    assert missing_codecs(tmp_path / "b.h5") == missing_codecs(tmp_path / "c.h5") == ""
