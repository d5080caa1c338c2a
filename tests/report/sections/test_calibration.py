"""The error rate of the study at hand."""

from compartments.report.sections import calibration
from tests.support.tables import write

FILE = "composition/calibration.tsv"


def test_relabellings_are_described_and_their_claims_shown(gappy):
    meaning, scheme, table = calibration.build(gappy)
    assert "not a p-value" in meaning.text
    assert scheme.text.startswith(
        "treated against untreated: all 12 relabellings, into arms of 3 and 3 donors; both hold"
    )
    assert len(table.frame) == len(gappy.needed(FILE)) and table.file == FILE


def test_drawn_and_unbalanced_relabellings_are_said(gappy, bare):
    write(gappy.needed(FILE).assign(exact=False, n_possible=4900.0, effect_left=1 / 15), bare.results.root, FILE)
    _, scheme, _ = calibration.build(bare)
    assert "a random choice of 4,900 relabellings" in scheme.text and "7% of a true effect would be left" in scheme.text


def test_why_nothing_was_relabelled_is_said(gappy, bare):
    write(gappy.needed(FILE).iloc[:0], bare.results.root, FILE)
    (said,) = calibration.build(bare)
    assert said.text == "The donors were not relabelled: it was not asked for (--calibrate off)."
    reason = "not calibrated: 2 treated and 4 untreated donors"
    rows = gappy.needed("skipped.tsv").iloc[:1].assign(stage="calibrate", sample="", contrast="a_vs_b", reason=reason)
    write(rows, bare.results.root, "skipped.tsv")
    bare.results._tables.clear()
    (said,) = calibration.build(bare)
    assert said.text == f"The donors were not relabelled: a_vs_b: {reason}."


def test_labels_exchanged_within_donors_are_said(of_kind):
    _, own, _ = calibration.build(of_kind("within"))
    assert own.text == (
        "after against before: all 12 relabellings, in each of which half of the 3 donors, or one less, have their "
        "labels exchanged; a true effect cancels, and the true labels are adjusted for."
    )
    _, mixed, _ = calibration.build(of_kind("mixed"))
    assert "into arms of 3 and 3 donors; of those with both conditions" in mixed.text
