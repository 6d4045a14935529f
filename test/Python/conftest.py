"""The package of the build that is tested, on one thread in each of pytest's processes."""

import os
import sys
from pathlib import Path

BUILD = Path(os.environ.get("SSM_BUILD_DIR", Path(__file__).resolve().parents[2] / "build"))

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
sys.path.insert(0, str(BUILD / "python"))
