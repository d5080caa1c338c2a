"""Disk of a finished run: links count nothing, each file once, processes by their work folders."""

import pandas as pd

from benchmarks.pipeline.disk import by_process, size_of


def test_files_are_counted_once_and_links_not(tmp_path):
    (tmp_path / "one").write_bytes(b"x" * 8192)
    (tmp_path / "same").hardlink_to(tmp_path / "one")
    (tmp_path / "link").symlink_to(tmp_path / "one")
    assert 8192 <= size_of(tmp_path) < 16384
    assert size_of(tmp_path / "one") == 8192


def test_processes_by_what_their_tasks_left(tmp_path):
    for name, size in (("aa", 40960), ("bb", 8192), ("cc", 8192)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(b"x" * size)
    rows = [("CELLS:CALL_CELLS", "bb"), ("COHORT:EMBED_COHORT", "aa"), ("CELLS:CALL_CELLS", "cc"), ("X:GONE", "dd")]
    trace = pd.DataFrame([(process, str(tmp_path / name)) for process, name in rows], columns=["process", "workdir"])
    found = by_process(trace)
    assert list(found.index) == ["EMBED_COHORT", "CALL_CELLS"] and list(found["size"]) == [1, 2]
    assert found.loc["CALL_CELLS", "sum"] >= 16384
