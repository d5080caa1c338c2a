"""Arms of unequal spread: variances of arms, the test that they differ, the tests that allow for it."""

import numpy as np
import pytest
from scipy import stats

from compartments.compare import voom

ARMS = np.array(["treated", "treated", "untreated", "untreated", "untreated"])
DESIGN = np.column_stack([ARMS == "treated", ARMS == "untreated"]).astype(float)


def weighed(z, sampling=0.0):
    z = np.asarray(z, float)
    return voom.Weighed(z, np.full(z.shape, sampling), np.ones(z.shape[1]))


def study(rng, n_treated, n_untreated, sd, shared=0.0, n_genes=300, low=20.0):
    """Counts of donors whose genes vary by ``sd`` (one per arm, ln), partly all together, and depth."""
    arms = np.repeat(["treated", "untreated"], [n_treated, n_untreated])
    noise = 0.35 * rng.normal(size=(len(arms), n_genes)) * np.sqrt(rng.chisquare(10, n_genes) / 10)
    noise += shared * rng.normal(size=(len(arms), 1)) * rng.normal(size=n_genes)
    mean = rng.lognormal(np.log(low) + 1, 1, n_genes) * rng.lognormal(0, 0.4, (len(arms), 1))
    counts = rng.poisson(mean * np.exp(noise * np.where(arms == "treated", *sd)[:, None]))
    return counts, np.column_stack([arms == "treated", arms == "untreated"]).astype(float), arms


def spread_of(counts, design, arms):
    return voom.spread_of_arms(voom.weigh(counts, design, arms), design, arms)


def test_moderated_t_by_hand():
    """Residual squares 8 of variance 4 and 2 of variance 1 leave (8/4 + 2)/3 = 4/3; se^2 is (4/2 + 1/3) 4/3."""
    z = np.array([[7.0, 3, 1, 2, 3]] * 2).T  # two genes alike: the prior is their variance, of 6 df together
    variance = np.where(ARMS == "treated", 4.0, 1.0)
    found = voom.moderated_tests(weighed(z), DESIGN, {"c": np.array([1.0, -1])}, variance)["c"]
    np.testing.assert_allclose(found["log2fc"], 3)
    np.testing.assert_allclose(found["stat"], 3 / (np.sqrt(28) / 3))
    cos2 = 6 / (6 + 81 / 28)  # of the angle atan(t / sqrt(6)): Student's own series for 6 df
    series = 1 + cos2 / 2 + 3 * cos2**2 / 8
    np.testing.assert_allclose(found["p_value"], 1 - np.sqrt(1 - cos2) * series, rtol=1e-9)
    np.testing.assert_allclose(found["se"] * 1.959964, 1.763834 * 2.446912, rtol=1e-5)


def test_variances_of_arms_by_hand():
    """Mean squares 8 (1 df) and 1 (2 df); where counting explains 1/2 of them, 15/2 and 1/2 are left."""
    z = np.array([[7.0, 3, 1, 2, 3]] * 60).T
    assert voom.spread_of_arms(weighed(z), DESIGN, ARMS).ratio("treated", "untreated") == pytest.approx(8)
    # the first round alone: weights follow the variances from then on
    member = np.array([ARMS == "treated", ARMS == "untreated"], float)
    assert np.divide(*voom._variances(weighed(z, 0.5), DESIGN, member)[0]) == pytest.approx(15)
    one = np.array(["treated", *ARMS[2:]])
    alone = np.column_stack([one == "treated", one == "untreated"]).astype(float)
    spread = voom.spread_of_arms(weighed(z[1:]), alone, one)
    assert spread.ratio("treated", "untreated") == 1 and np.isnan(spread.p_value) and not spread.differs


def test_fit_equals_weighted_least_squares():
    rng = np.random.default_rng(0)
    z, weights = rng.normal(size=(7, 30)), rng.lognormal(size=(7, 30))
    design = np.column_stack([np.ones(7), np.arange(7) < 3, rng.normal(size=7)]).astype(float)
    residual, leverage, estimate, unscaled = voom._least_squares(z, weights, design, np.eye(3))
    for gene in (0, 17):
        root = np.sqrt(weights[:, gene])[:, None]
        beta = np.linalg.lstsq(root * design, root[:, 0] * z[:, gene], rcond=None)[0]
        inverse = np.linalg.inv((root * design).T @ (root * design))
        np.testing.assert_allclose(estimate[:, gene], beta, atol=1e-9)
        np.testing.assert_allclose(residual[:, gene], z[:, gene] - design @ beta, atol=1e-9)
        np.testing.assert_allclose(unscaled[:, gene], np.diag(inverse), rtol=1e-9)
        np.testing.assert_allclose(leverage[:, gene], np.diag(root * design @ inverse @ (root * design).T), rtol=1e-9)


def test_variances_of_counts_are_split():
    """Values are unbiased, counting and donors told apart, with 3 counts as with 300."""
    rng = np.random.default_rng(1)
    mean = np.repeat([4.0, 400.0], 2000)
    counts = rng.poisson(mean * np.exp(0.4 * rng.normal(size=(12, 4000))) * np.repeat([0.5, 1], 6)[:, None])
    groups = np.repeat(["a", "b"], 6)
    data = voom.weigh(counts, np.column_stack([groups == "a", groups == "b"]).astype(float), groups)
    few = slice(0, 2000)
    gap = data.z[:6].mean(0) - data.z[6:].mean(0)
    assert np.abs(gap[few].mean() - gap[2000:].mean()) < 0.05
    assert np.median(data.between) == pytest.approx((0.4 / np.log(2)) ** 2, rel=0.15)
    for rows in (slice(0, 6), slice(6, 12)):
        observed = data.z[rows, few].var(0, ddof=1).mean()
        assert (data.sampling[rows, few] + data.between[few]).mean() == pytest.approx(observed, rel=0.1)


@pytest.mark.parametrize("shared", [0.0, 0.25])
def test_equal_spread_keeps_its_engine_and_unequal_does_not(shared):
    """Of null terms at most a tenth goes to the other engine, also where genes rise and fall together in a donor."""
    rng = np.random.default_rng(2)
    arms = [(2, 4)] * 30 + [(4, 4)] * 30
    equal = [spread_of(*study(rng, *n, (1, 1), shared)) for n in arms]
    unequal = [spread_of(*study(rng, *n, (2, 1), shared)) for n in arms]
    assert np.mean([spread.differs for spread in equal]) <= 0.1
    assert np.mean([spread.differs for spread in unequal]) >= (0.7 if shared else 0.98)
    if not shared:
        ratios = [spread.ratio("treated", "untreated") for spread in unequal]
        assert np.exp(np.mean(np.log(ratios))) == pytest.approx(4, rel=0.15)


def test_p_is_honest_where_one_arm_varies_twice_as_much():
    rng, contrast = np.random.default_rng(3), {"c": np.array([1.0, -1])}
    rates = {"arms": [], "alike": []}
    for n in [(2, 4)] * 12 + [(4, 4)] * 6:
        counts, design, arms = study(rng, *n, (2, 1))
        data = voom.weigh(counts, design, arms)
        spread = voom.spread_of_arms(data, design, arms)
        for name, variance in (("arms", [spread.variance[a] for a in arms]), ("alike", np.ones(len(arms)))):
            found = voom.moderated_tests(data, design, contrast, np.array(variance))["c"]
            rates[name].append((found["p_value"] < 0.05).mean())
    assert 0.03 < np.mean(rates["arms"]) < 0.07 < np.mean(rates["alike"])


def test_few_counts_do_not_pass_for_spread():
    """An arm with 3 counts per gene beside one with 100: as spread, or too few to say, never as unequal."""
    rng = np.random.default_rng(4)
    found = []
    for _ in range(20):
        counts, design, arms = study(rng, 4, 4, (1, 1), low=100)
        counts[:4] = rng.binomial(counts[:4], 0.03)
        found.append(spread_of(counts, design, arms))
    assert np.mean([spread.differs for spread in found]) <= 0.1
    assert stats.gmean([spread.ratio("treated", "untreated") for spread in found]) == pytest.approx(1, abs=0.25)
