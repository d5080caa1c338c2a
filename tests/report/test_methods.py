"""What the page says was done."""

import html
import importlib
import re
import shutil

import pandas as pd
import pytest

from compartments.cells.quality import Limits
from compartments.core.files import read_json, write_json
from compartments.findings.names import gene_set
from compartments.report import methods
from tests.support.page import Page


def test_methods_come_from_the_parameters(whole):
    folder, page, _ = whole
    assert "empirical Bayes" in page.words and "CellBender [" not in page.words
    assert "The margin was 1.0 log2" in page.words and "pydeseq2" in page.words
    cited = {int(n) for group in re.findall(r"\[([\d, ]+)\]", page.words) for n in group.split(",") if int(n) < 40}
    references = page.source[page.source.index('class="references"') :]
    assert max(cited) <= references[: references.index("</ol>")].count("<li>")


def test_sets_that_had_too_few_genes_are_not_said_to_be_compared(whole, call, tmp_path):
    folder, page, _ = whole
    effects = pd.read_csv(folder / "migration" / "effects.tsv", sep="\t")
    told = sorted(map(gene_set, effects.loc[effects["primary"], "gene_set"].unique()))
    assert told and f"for cerebrospinal fluid; {' and '.join(told)} had enough genes here" in page.words
    shutil.copytree(folder, tmp_path / "r")
    effects["primary"] = False
    effects.to_csv(tmp_path / "r" / "migration" / "effects.tsv", sep="\t", index=False)
    _, page = call(tmp_path / "r", findings=False)
    assert "; none had enough genes here" in page.words


@pytest.mark.parametrize(
    "part, sentence, module, name",
    [
        ("annotation", "a probability below {short} ", "labels.annotation", "MIN_PROBABILITY"),
        ("cells", "false discovery rate of {short},", "cells.calling", "FDR"),
        ("cells", "log counts of {value:,} variable genes", "cells.scrublet", "N_GENES"),
        ("cells", "samples of at least {value} cells", "cells.doublets", "CALL_FROM"),
        ("calibration", "else '{word}' }}}} donors in each arm", "compare.relabelling", "MIN_DONORS"),
        ("coupling", "at least {word} lineages are depleted", "compare.coupling", "MIN_LINEAGES"),
        ("coupling", "combined {{{{ cite('simes') }}}} at {short},", "core.vocabulary", "ALPHA"),
        ("expression", "cells and {value:,} counts)", "cohort.pseudobulk", "MIN_COUNTS"),
        ("expression", "expression.get('ambient_share_max', {value})", "compare.expression", "AMBIENT_SHARE_MAX"),
        ("expression", "its change exceeds {short} log2", "compare.expression", "ROBUST_LOG2FC"),
        ("interactions", "both p &lt; {short})", "core.vocabulary", "ALPHA"),
        ("interactions", "among the first {word} in every sample", "compare.hubs", "TOP_RANK"),
        ("migration", "stays below {short} points", "core.vocabulary", "CALL_MARGIN"),
        ("activities", "needs {word} targets", "compare.activities", "MIN_TARGETS"),
        ("study", "at least {word} residual degrees", "study.arms", "MIN_DF_COVARIATE"),
    ],
)
def test_numbers_of_the_methods_are_those_of_the_code(root, part, sentence, module, name):
    value = getattr(importlib.import_module(f"compartments.{module}"), name)
    numbers = {"value": value, "short": f"{value:g}".removeprefix("0"), "word": {3: "three", 5: "five"}.get(value)}
    assert sentence.format(**numbers) in methods_of(root, part)


def test_relabelling_hashtags_and_mice_are_described_where_they_were(whole, call, tmp_path):
    folder, page, _ = whole
    assert "conditions of donors were relabelled" in page.words
    shutil.copytree(folder, tmp_path / "r")
    assert "HashSolo" not in page.words and "of mice" not in page.words
    summary = next((tmp_path / "r" / "samples").glob("*/*.labels.json"))
    write_json(read_json(summary) | {"model": "of_people.pkl", "model_genes_kept": 0.717}, summary)
    write_json({"calibrate": "off", "hashtags": "tags.tsv"}, tmp_path / "r" / "pipeline_info" / "params.json")
    _, page = call(tmp_path / "r", findings=False)
    assert "conditions of donors were relabelled" not in page.words
    assert re.search(r"samples by the counts of their hashtags with HashSolo \[\d+\], fitted twice", page.words)
    assert (
        "Human genes of of_people.pkl (72 % of its genes), markers, gene sets and pairs were those of mice"
        in page.words
    )


def test_quality_limits_of_the_methods_are_those_of_the_code(root):
    text, limits = methods_of(root, "cells"), Limits()
    assert f"(never cut within { ({5: 'five'}[limits.keep_fold]) }fold of the median)" in text
    assert f"(or {limits.mt_floor:.0f} %, if that is more)" in text
    assert f"above the median (or {limits.top20_floor:.0f} %)" in text


def test_text_to_paste_says_what_the_page_says(whole):
    _, page, _ = whole
    source = page.source[page.source.index('class="folded paste"') :]
    text, bibtex = (html.unescape(part) for part in re.findall(r'<pre tabindex="0">(.*?)</pre>', source, re.S)[:2])
    prose = page.source[page.source.index('<div class="prose">') : page.source.index('<ol class="references">')]
    paragraphs = [Page(each).words for each in re.findall(r"<p>.*?</p>", prose, re.S)]
    body, _, listed = text.partition("References\n\n")
    assert len(paragraphs) > 8 and "<" not in body.replace("< .05", "")
    assert "".join(body.split()) == "".join("".join(paragraphs).split())
    cited = {int(n) for group in re.findall(r"\[(\d+(?:, \d+)*)\]", body) for n in group.split(",")}
    assert cited == set(range(1, len(listed.strip().splitlines()) + 1)) and bibtex.count("@article") == len(cited)


def test_paragraphs_become_lines():
    assert methods.as_text("<p>a <b>b</b>\n c &lt; .05</p><ul><li>d</li></ul>") == "a b c < .05\n\nd"


def methods_of(root, part):
    """Template of a paragraph of the methods."""
    return (root / "assets" / "report" / "methods" / f"{part}.html.j2").read_text("utf-8")
