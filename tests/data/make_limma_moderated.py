"""Make limma_moderated.json: moderated t-tests by pylimma, a port of limma under the GPL, no part of the project.

uv run --no-project --with pylimma==0.2.0 --with numpy==2.5.5 python make_limma_moderated.py > limma_moderated.json
"""

import json
from importlib.metadata import version

import numpy as np
import pylimma

# donors, treated donors, features, spread of their variances (ln): prior df from infinite to near zero
CASES = [(6, 2, 13, 0.0), (8, 4, 13, 0.6), (12, 6, 30, 1.0), (6, 2, 40, 0.4), (10, 5, 5, 2.0)]


def make():
    rng = np.random.default_rng(20260101)
    cases = []
    for n, treated, features, spread in CASES:
        z = np.round(rng.normal(0, 1, (n, features)) * np.exp(rng.normal(0, spread, features)), 6)
        w = np.round(rng.uniform(0.2, 3, (n, features)), 6)
        columns = [np.ones(n), np.arange(n) < treated] + [np.arange(n) % 2] * (n >= 10)
        x = np.column_stack(columns).astype(float)
        fit = pylimma.e_bayes(pylimma.lm_fit(z.T, x, weights=w.T))
        number = {name: float(np.median(np.atleast_1d(fit[name]))) for name in ("df_prior", "s2_prior", "df_total")}
        number["df_prior"] = str(number["df_prior"])  # JSON has no infinity
        column = {
            name: np.asarray(fit[name])[:, 1].tolist() for name in ("coefficients", "stdev_unscaled", "t", "p_value")
        }
        data = {"z": z.tolist(), "w": w.tolist(), "x": x.tolist(), "sigma": np.asarray(fit["sigma"]).tolist()}
        cases.append(data | column | number)
    return {"made_with": f"pylimma {version('pylimma')}, lm_fit(z.T, x, weights=w.T) and e_bayes", "cases": cases}


if __name__ == "__main__":
    print(json.dumps(make()))
