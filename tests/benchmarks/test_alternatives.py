"""Other methods give what their packages print; power is compared at equal type-I error."""

import numpy as np
import pytest
from scipy import optimize, stats

from benchmarks import unequal
from benchmarks.compare import alternatives, bench_alternatives, bench_kang
from benchmarks.compare.alternatives import Batch

# PBMC of 20 donors (Huang et al. 2021, PNAS; the example of Phipson et al. 2022): B, dendritic, monocytes, NK, T cells;
# five old women, old men, young women, young men
PBMC = """
1449 135 1342 1328 4574  677 148 2159 746 5097    552 124 1507 1108 5535  666 146 1277 589 6151
653 137 2027 1632 4379   826 124 1491 2198 4770   1499 139 1575 1360 4837 898 149 1954 1235 5172
999 205 2230 2445 3528   383 187 2393 1880 4565   753 115 1180 849 5803   771 124 936 868 6001
937 78 1011 1065 5606    1053 139 1764 824 4921   1337 220 1604 1240 4297 579 116 731 868 5657
1100 237 1206 648 4762   861 112 991 923 5066     588 114 1156 2414 3680  581 236 1368 1332 4439
"""
# p-values of women against men that speckle prints (propeller, robust prior), as Alayoubi et al. 2024 keep them
SPECKLE = {
    "logit": [0.6512475952, 0.2953712223, 0.9493551155, 0.0098441721, 0.1509746442],
    "arcsin": [0.6999199369, 0.2808822855, 0.9294443186, 0.0286051564, 0.1372987989],
}
# what the vignette of crumblr prints for the condition in Kang et al. 2018, adjusted for donor
CRUMBLR = [-0.10478652, -0.10525402, -0.07840101, -0.25085170, 0.37386979, 0.07425165, 0.01377768, 0.10270672]
CRUMBLR_P = [0.013692935, 0.011413912, 0.050869691, 0.002436375, 0.010692544, 0.128337022, 0.879651456, 0.161321761]


def table(text, columns):
    return np.array(text.split(), int).reshape(-1, columns)


@pytest.fixture(scope="module")
def batch():
    studies = [unequal.study(unequal.Setting("lognormal", (4, 4), truth="lost"), 1, i) for i in range(6)]
    cells, per_ul = (np.stack([getattr(x, name) for x in studies]) for name in ("cells", "per_ul"))
    return Batch(cells, per_ul, studies[0].treated)


@pytest.mark.parametrize("transform", SPECKLE)
def test_propeller_gives_what_speckle_prints(transform):
    cells = table(PBMC, 5)
    women = np.arange(20) % 10 < 5
    found = alternatives.propeller(Batch(np.stack([cells, cells])[None], np.ones((1, 2, 20)), women), transform)
    assert found["within CSF"][0] == pytest.approx(SPECKLE[transform], rel=1e-6)


def test_crumblr_gives_what_its_vignette_prints():
    z, weights = alternatives.precision(table(bench_kang.CELLS, 8))
    donors = np.tile(np.eye(8), (2, 1))
    design = np.column_stack([donors, np.repeat([0, 1], 8)])
    beta, unscaled, s2, df = alternatives.least_squares(z[None], design[None], weights[None])
    assert beta[0, :, -1] == pytest.approx(CRUMBLR, abs=1e-8)
    assert alternatives.moderated_p(beta[..., -1], unscaled[..., -1], s2, df)[0] == pytest.approx(CRUMBLR_P, rel=1e-6)


def test_a_donors_constant_is_its_difference(batch):
    """The interaction of crumblr, by differences, is that of a model with a constant for every donor."""
    cells = batch.cells[:1].reshape(1, 16, -1)
    z, weights = alternatives.precision(cells)
    csf, treated = np.repeat([1, 0], 8), np.tile(batch.treated, 2)
    design = np.column_stack([np.tile(np.eye(8), (2, 1)), csf, csf * treated])[None]
    beta, unscaled, s2, df = alternatives.least_squares(z, design, weights)
    p = alternatives.moderated_p(beta[..., -1], unscaled[..., -1], s2, df)
    assert alternatives.crumblr(batch)["interaction"][:1] == pytest.approx(p, rel=1e-6)


def test_the_beta_binomial_is_at_its_maximum(batch):
    """Against a general optimiser, for one lineage and every third overdispersion."""
    y, n = batch.cells[0, 0, :, 2].astype(float), batch.cells[0, 0].sum(-1).astype(float)
    design = batch.design()[0]
    found = alternatives.profile(y[None, :, None], n[None, :, None], np.zeros((1, 8, 1)), design[None])[0, 0]
    for k in range(0, len(alternatives.OVERDISPERSION), 3):
        c = 1 / alternatives.OVERDISPERSION[k] - 1

        def loss(b, c=c):
            m = 1 / (1 + np.exp(-np.clip(design @ b, -12, 12)))
            return -stats.betabinom.logpmf(y, n, m * c, (1 - m) * c).sum()

        best = -optimize.minimize(loss, [-2.0, -1.0], method="Nelder-Mead", options={"xatol": 1e-6}).fun
        constant = (
            stats.betabinom.logpmf(y, n, 1, 1).sum()
            - (alternatives.special.betaln(y + 1, n - y + 1) - alternatives.special.betaln(1, 1)).sum()
        )
        assert found[k] + constant == pytest.approx(best, abs=1e-3)


def test_methods_see_a_loss_and_read_the_arms(batch):
    """A lineage that falls fourfold has the smallest p-values; arms exchanged give the same."""
    swapped = batch._replace(treated=~batch.treated)
    for scale in ("rel", "abs"):
        for name, found in alternatives.in_python(batch, scale).items():
            assert np.median(found["within CSF"][:, 2]) < np.median(np.delete(found["within CSF"], [2, 6, 10], axis=1))
            again = alternatives.in_python(swapped, scale)[name]
            assert all(np.allclose(found[term], again[term], atol=1e-4) for term in found), name


def test_edger_and_voom_agree_with_the_rest(batch):
    if not alternatives.r_is_there():
        pytest.skip("Rscript with edgeR is not here")
    found = alternatives.in_r(batch, "rel")
    for name in ("edgeR", "limma-voom"):
        for term, p in found[name].items():
            other = alternatives.propeller(batch, "logit")[term]
            assert np.corrcoef(np.log(p).ravel(), np.log(other).ravel())[0, 1] > 0.8, (name, term)


def test_power_is_taken_at_equal_type_one_error():
    rng = np.random.default_rng(0)
    null = rng.random((1, 4, 250))
    assert (null <= bench_alternatives.critical(null)).mean() == 0.05
    lost = rng.random((1, 3, 1000)) ** 2
    plain = bench_alternatives.power(null, lost)
    # rejects too often, and has no more power once that is corrected
    assert (bench_alternatives.power(null**3, lost**3) == plain).all() and (plain > 0.15).all()
    coarse = np.where(null < 0.2, 0.1, 1.0)  # no p-value is small enough: nothing can be claimed
    assert bench_alternatives.critical(coarse) == -np.inf


def test_the_best_other_is_met_or_missed():
    """Of two methods the same gives no difference; a poorer one a limit below the gate's."""
    rng = np.random.default_rng(0)
    null, lost = rng.random((1, 3, 400)), rng.random((1, 3, 400)) ** 6
    same = {
        x[0]: x[1] for x in bench_alternatives.against("t", ["a", "b"], np.vstack([null] * 2), np.vstack([lost] * 2))
    }
    assert same["power above the best other's, t, all three, lower 95 % limit"] == 0
    poorer = np.vstack([rng.random((1, 3, 400)) ** 3, lost])
    found = {x[0]: x[1] for x in bench_alternatives.against("t", ["a", "b"], np.vstack([null] * 2), poorer)}
    assert found["power above the best other's, t, all three, lower 95 % limit"] < -0.03
    assert found["power above the best other's, t, common lineage"] == pytest.approx(
        found["power, a, t, common lineage"] - found["power, b, t, common lineage"]
    )
