"""Other methods for donors that are their own controls agree with what is known of them."""

import numpy as np
import pytest
from scipy import stats

from benchmarks.compare import alternatives
from benchmarks.compare import designs_alternatives as others
from benchmarks.designs import Setting, study


@pytest.fixture(autouse=True)
def lost(monkeypatch):
    """A fall that no method overlooks."""
    monkeypatch.setattr(Setting, "loss", -2)


def drawn(setting, numbers=range(1)):
    """Samplesheets and cells."""
    found = []
    for number in numbers:
        one = study(setting, 1, number)
        samples = one.samples(setting)
        found.append((samples, one.table(samples).to_numpy()))
    return found


def simulated(donors=8, lineages=20, seed=0):
    """Donors with two observations and some with one, a donor's constant, unequal variances."""
    rng = np.random.default_rng(seed)
    donor = np.concatenate([np.arange(donors), np.arange(donors), donors + np.arange(4)])
    after = np.concatenate([np.zeros(donors), np.ones(donors), [0, 0, 1, 1]])
    variance = rng.uniform(0.5, 2, (len(donor), lineages))
    z = rng.normal(size=(donors + 4, lineages))[donor] + np.sqrt(variance) * rng.normal(size=variance.shape)
    return z, variance, np.column_stack([np.ones(len(donor)), after]), donor


def test_with_every_donor_complete_the_mixed_model_is_the_paired_t_test():
    """Where the donors' variance is above zero: estimate, t and degrees of freedom."""
    z, _, x, donor = (each[:16] for each in simulated())
    beta, unscaled, s2, df = others.mixed(z, np.ones_like(z), x, donor)
    above = np.isclose(df, 7, atol=1e-3)
    known = stats.ttest_rel(z[8:], z[:8])
    assert above.sum() > 12 and np.isclose(df, 14)[~above].all()
    assert beta == pytest.approx(z[8:].mean(0) - z[:8].mean(0))
    assert (beta / np.sqrt(unscaled * s2))[above] == pytest.approx(known.statistic[above], rel=1e-3)
    p = others.p_of(beta, unscaled, s2, df, moderated=False)
    assert p[above] == pytest.approx(known.pvalue[above], rel=1e-2)


def test_restricted_likelihood_against_statsmodels():
    mixedlm = pytest.importorskip("statsmodels.regression.mixed_linear_model").MixedLM
    z, _, x, donor = simulated()
    beta, unscaled, s2, df = others.mixed(z, np.ones_like(z), x, donor)
    for i in np.flatnonzero(df < 18 - 1e-9)[:5]:
        known = mixedlm(z[:, i], x, groups=donor).fit(reml=True)
        assert beta[i] == pytest.approx(known.params[1], abs=2e-3)
        assert s2[i] == pytest.approx(known.scale, rel=0.01)
        assert np.sqrt(unscaled[i] * s2[i]) == pytest.approx(known.bse[1], rel=0.01)
        assert 7 < df[i] < 18  # more than from the pairs alone


def test_weights_count():
    """Without donors' variance weighted least squares; else the covariance matrix of the model, in full."""
    z, variance, x, donor = simulated()
    model = others.Blocks(z, 1 / variance, x, (donor[:, None] == np.unique(donor)).astype(float))
    beta, gram, s2 = model.fit(np.zeros(20))
    known, unscaled, known_s2, _ = alternatives.least_squares(z[None], x[None], 1 / variance[None])
    assert beta == pytest.approx(known[0]) and s2 == pytest.approx(known_s2[0])
    ratio = model.best_ratio()
    beta, gram, s2 = model.fit(ratio)
    same = donor[:, None] == donor
    for i in range(3):
        m = np.diag(variance[:, i]) + ratio[i] * same
        inverse = np.linalg.inv(x.T @ np.linalg.solve(m, x))
        assert gram[i] == pytest.approx(inverse)
        assert beta[i] == pytest.approx(inverse @ x.T @ np.linalg.solve(m, z[:, i]))
        # the ratio is where the restricted likelihood, written in full, is highest
        around = [_deviance(z[:, i], variance[:, i], x, same, ratio[i] * factor) for factor in (0.9, 1, 1.1)]
        assert ratio[i] == 0 or around[1] == min(around)


def _deviance(z, variance, x, same, ratio):
    m = np.diag(variance) + ratio * same
    gram = x.T @ np.linalg.solve(m, x)
    residual = z - x @ np.linalg.solve(gram, x.T @ np.linalg.solve(m, z))
    squares = residual @ np.linalg.solve(m, residual)
    return np.linalg.slogdet(m)[1] + np.linalg.slogdet(gram)[1] + (len(z) - x.shape[1]) * np.log(squares)


def test_satterthwaite_holds_its_level():
    """The mean of p-values below .05 under the null, with pairs and single donors and unequal variances."""
    z, variance, x, donor = simulated(donors=10, lineages=2000)
    p = others.p_of(*others.mixed(z, variance, x, donor), moderated=False)
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.02)


def test_paired_tests_are_scipys_and_moderation_the_other_benchs():
    (samples, cells), *_ = drawn(Setting("change", 6))
    rows = others.rows_of(samples, "interaction")
    z = np.log(cells + 0.5)
    change, group = others.by_donor(rows, z)
    value = z[samples["compartment"] == "CSF"] - z[samples["compartment"] == "blood"]
    assert change == pytest.approx(value[::2] - value[1::2])
    known = stats.ttest_ind(change[group == 1], change[group == 0]).pvalue
    assert others.t_test(change, group, moderated=False) == pytest.approx(known)
    one = stats.ttest_1samp(change, 0).pvalue
    assert others.t_test(change, np.ones(12), moderated=False) == pytest.approx(one)
    x = np.column_stack([np.ones(12), group])
    beta, unscaled, s2, df = alternatives.least_squares(change[None], x[None])
    known = alternatives.moderated_p(beta[..., 1], unscaled[..., 1], s2, df)[0]
    assert others.t_test(change, group, moderated=True) == pytest.approx(known)


@pytest.mark.parametrize("design", ["within", "mixed", "change", "one condition"])
@pytest.mark.parametrize("scale", ["rel", "abs"])
def test_methods_see_a_loss(design, scale):
    """of a lineage lost in part, with samples missing; a study too small for a method has no p, none breaks."""
    setting = Setting(design, 6, missing=0.2, scale=scale)
    studies = drawn(setting, range(8))
    for term in list(setting.terms)[:: 2 if design != "one condition" else 1]:
        p = [others.in_python(*one, term) for one in studies]
        for name in p[0]:
            each = np.array([one[name] for one in p])
            assert np.nanmedian(each[:, 2]) < np.nanmedian(np.delete(each, [2, 6, 10], axis=1)), name
    small = drawn(Setting(design, 3, missing=0.2, scale=scale))[0]
    assert all(len(p) == 12 for p in others.in_python(*small, term).values())


def test_limma_agrees_with_the_rest():
    if not others.r_is_there():
        pytest.skip("Rscript with limma is not here")
    studies = drawn(Setting("mixed", 6), range(2))
    for term in ("within CSF", "interaction"):
        mine = np.array([others.in_python(*one, term)["mixed model as dream"] for one in studies])
        for name, p in others.in_r(studies, term).items():
            assert np.corrcoef(np.log(p).ravel(), np.log(mine).ravel())[0, 1] > 0.8, (name, term)
