"""A program for each of the kernels, as large as a GPU wants them.

    text, entry = KERNELS["row_scan"]
"""

from gpu_cases import FULL
from mlir_text import Kernel, Recurrence, Scan, program
from zoo import MODELS, text_of


def _timed(kernel):
    """What bench/gpu times of a kernel."""
    return next(case for case in FULL if case.kernel == kernel).text(), "f"


KERNELS = {
    "row_scan": _timed("K1"),
    "look_back": _timed("K2"),
    "channel_scan": _timed("K3"),
    "selective_scan": _timed("K4"),
    "fft_conv": (FULL[-2].text(), "f"),
    "chunked_scan": _timed("K6"),
    "powers": (program([Kernel("hn,hn,hn->hl", {"h": 8, "n": 64, "l": 4096}, complex="abc", projection="twice_real")]), "f"),
    "row_scan, complex": (program([Recurrence("rt,,,rt->rt", {"r": 4, "t": 64}, complex="auh", dynamic="rt")]), "f"),
    "mamba1": (text_of(MODELS["mamba1"].file), "mamba1"),
    "mamba1_complex": (text_of(MODELS["mamba1_complex"].file), "mamba1_complex"),
    "s4d": (text_of(MODELS["s4d"].file), "s4d"),
}
