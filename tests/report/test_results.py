"""A results folder as the report reads it."""

import shutil


def test_published_folder_without_study_json(whole, call, tmp_path):
    shutil.copytree(whole[0], tmp_path / "r")
    (tmp_path / "r" / "study.json").unlink()
    _, page = call(tmp_path / "r", findings=False)
    assert "This run is incomplete" not in page.words
    assert page.figures.keys() == whole[1].figures.keys()
