"""Library of sc-compartments: pure functions on AnnData and DataFrame objects."""

import os

__version__ = "0.1.0"

# before numpy is imported: OpenBLAS picks its kernels by processor, and they differ in the last digits, so those that
# all of the last ten years have. Not Haswell's, which Zen gets too: in the OpenBLAS 0.3.34 of numpy's wheels they crash
# on products over 300 or more terms.
if os.uname().machine.lower() in ("x86_64", "amd64"):
    os.environ.setdefault("OPENBLAS_CORETYPE", "Sandybridge")
