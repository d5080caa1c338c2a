"""STAR: what its log says."""

import pytest

from compartments.core.errors import UserError
from compartments.reads.star import mapped_share, run_star, summary_of


def test_figures_of_the_log(tmp_path):
    path = tmp_path / "Log.final.out"
    path.write_text(
        "  Started job on |\tNov 29 01:00:00\n Number of input reads |\t1000\n UNIQUE READS:\n"
        " Uniquely mapped reads % |\t61.50%\n % of reads mapped to multiple loci |\t8.50%\n"
    )
    found = summary_of(path)
    assert found["Number of input reads"] == 1000 and mapped_share(found) == pytest.approx(0.7)


def test_without_star_one_line_says_where_it_comes_from(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match="STAR is missing: .* after `make setup-counts`, with -profile local"):
        run_star([], 1)


def test_what_star_refuses_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "STAR").write_text(
        "#!/bin/sh\necho 'EXITING because of FATAL ERROR' >&2\necho 'no index' >&2\nexit 104\n"
    )
    (tmp_path / "STAR").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(UserError, match="STAR ended with status 104: no index"):
        run_star([], 1)
