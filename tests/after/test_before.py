"""Results of a run, and what is none."""

import pytest

from compartments import __version__
from compartments.after.before import NEEDED, Before, file_of, files_of
from compartments.core.errors import UserError
from tests.support.samples import make_study_of


def results(folder, version=__version__):
    """The least that a run leaves."""
    for place in NEEDED:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text("{}")
    make_study_of().save(folder / "study.json")
    (folder / "pipeline_info/versions.yml").write_text(f"Workflow:\n    sc-compartments: '{version}'\n")
    return folder


def test_results_of_a_run(tmp_path):
    before = Before.open(results(tmp_path))
    assert before.parameters == {} and len(before.study.samples) == 8 and before.samples == []


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: results(folder, "0.0.9"), r"made by sc-compartments 0\.0\.9, and this is"),
        (lambda folder: (results(folder) / "findings.tsv").unlink(), "holds no results .*findings.tsv is missing"),
        (lambda folder: folder.rmdir(), "there is no such folder"),
    ],
)
def test_what_is_no_results_is_said(tmp_path, spoil, message):
    folder = tmp_path / "results"
    folder.mkdir()
    spoil(folder)
    with pytest.raises(UserError, match=message):
        Before.open(folder)


def test_files_that_parameters_name(tmp_path, root):
    (tmp_path / "a.gmt").touch()
    assert files_of({"gene_sets": f"{tmp_path}/a.gmt, {tmp_path}/a.gmt"}, "gene_sets") == [tmp_path / "a.gmt"] * 2
    own = files_of({"markers": "/elsewhere/assets/markers.tsv"}, "markers")
    assert own == [root / "assets/markers.tsv"] and files_of({}, "gene_sets") == []
    with pytest.raises(UserError, match="--gene_sets gone.gmt: there is no such file"):
        files_of({"gene_sets": "gone.gmt"}, "gene_sets")


def test_files_that_a_task_has_with_it_are_read_there(tmp_path, monkeypatch):
    """Where the file itself cannot be seen, as in a container; by the parameter's name."""
    monkeypatch.setattr("compartments.after.before.PROJECT", tmp_path)
    for place in ("files/gene_sets/a, b.gmt", "assets/map.tsv"):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).touch()
    assert files_of({"gene_sets": "/gone/a, b.gmt"}, "gene_sets") == [tmp_path / "files/gene_sets/a, b.gmt"]
    assert files_of({"lineage_map": "/gone/assets/map.tsv"}, "lineage_map") == [tmp_path / "assets/map.tsv"]
    assert file_of("contrasts", "a, b.gmt").as_posix() == "a, b.gmt"
    with pytest.raises(UserError, match="there is no such file"):
        files_of({"pathways": "/gone/a, b.gmt"}, "pathways")
