"""What the page says was done."""

import re


def test_methods_come_from_the_parameters(whole):
    folder, page, _ = whole
    assert "empirical Bayes" in page.words and "CellBender [" not in page.words
    assert "The margin was 1.0 log2" in page.words and "pydeseq2" in page.words
    cited = {int(n) for group in re.findall(r"\[([\d, ]+)\]", page.words) for n in group.split(",") if int(n) < 40}
    references = page.source[page.source.index('class="references"') :]
    assert max(cited) <= references[: references.index("</ol>")].count("<li>")
