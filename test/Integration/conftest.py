"""The parts of bench/gpu are on the path, behind bench, which has a run.py too."""

import sys

from harness import ROOT

sys.path += [str(ROOT / "bench"), str(ROOT / "bench" / "gpu")]
