"""Reports of whole and of partial results, made once."""

import contextlib
import io
import os
import sys
from functools import cache, partial

import pytest

from compartments.core import door
from compartments.core.errors import run
from compartments.report import page as page_module
from compartments.report.results import Results
from tests.support import results as synthetic_results
from tests.support.page import Page
from tests.support.runs import once


@pytest.fixture(scope="session")
def call():
    """Make findings and report of a folder by the executables, in this process (start-up is most of their time)."""

    def make(folder, findings=True, paper=False, more=()):
        output = ["--out", str(folder / "report.html"), "--multiqc", str(folder / "multiqc"), *more]
        output += ["--paper", "true" if paper else "false"]
        steps = [("make_report", output)]
        if paper:
            steps.append(("print_report", ["--pdf", str(folder / "report.pdf"), "--figures", str(folder / "figures")]))
        if findings:
            steps.insert(0, ("write_findings", []))
        said = io.StringIO()
        before = sys.argv
        for name, options in steps:
            options = ["--results", str(folder), *options]
            try:
                with contextlib.redirect_stderr(said), contextlib.chdir(folder), contextlib.suppress(SystemExit):
                    run(partial(door.call, name, options))
            finally:
                sys.argv = before
        return said.getvalue(), Page((folder / "report.html").read_text())

    return make


@pytest.fixture(scope="session")
def of_kind(tmp_path_factory):
    """Page of a study of a kind of contrasts (:func:`tests.support.results.design`), with its findings."""

    def make(folder, kind):
        synthetic_results.make(folder / "results", cells=10, kind=kind)
        synthetic_results.answer(folder / "results")

    @cache
    def page(kind):
        return page_module.Page(Results(once(tmp_path_factory, kind, partial(make, kind=kind)) / "results"))

    return page


@pytest.fixture(scope="session")
def whole(call, tmp_path_factory):
    """Folder, page and what was said of a run that lost nothing."""
    folder = tmp_path_factory.mktemp("whole") / "results"
    synthetic_results.make(folder)
    said, page = call(folder)
    return folder, page, said


@pytest.fixture(scope="session")
def gappy(tmp_path_factory):
    """Two treated and four untreated donors; a sample of CSF is lost, and a sample of blood has no pDC."""
    folder = tmp_path_factory.mktemp("gappy") / "results"
    synthetic_results.make(folder, cells=20, lost=["UN4_CSF"], absent=[("pDC", "UN1_blood")])
    return page_module.Page(Results(folder))


@pytest.fixture
def bare(gappy, tmp_path):
    """The same study before any step."""
    gappy.study.save(tmp_path / "study.json")
    return page_module.Page(Results(tmp_path))


@pytest.fixture
def in_group(tmp_path):
    """A study of 12 donors with a contrast of the 4 of one group, before any step."""
    synthetic_results.design("in_group").save(tmp_path / "study.json")
    return page_module.Page(Results(tmp_path))


@pytest.fixture
def without_pango(tmp_path, monkeypatch):
    """Steps that are called see a WeasyPrint whose libraries are missing."""
    (tmp_path / "elsewhere").mkdir()
    said = "raise OSError(\"cannot load library 'libpango-1.0-0'\\nAdditionally, ...\")\n"
    (tmp_path / "elsewhere" / "weasyprint.py").write_text(said)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "elsewhere"), os.environ.get("PYTHONPATH", "")]))
