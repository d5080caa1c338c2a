"""Answers at a glance and in full."""

import re

from compartments.core.files import read_tsv


def test_answers_at_a_glance_lead_to_their_questions(whole):
    folder, page, _ = whole
    findings = read_tsv(folder / "findings.tsv")
    summary = findings[findings["lineage"].isna()]
    glance = page.source[page.source.index('<ul class="glance">') :]
    items = re.findall(r'<li class="(\w+)">.*?href="#question-(\d)"', glance[: glance.index("</ul>")], re.S)
    assert [(v, int(n)) for v, n in items] == list(zip(summary["verdict"], summary["question"], strict=True))
