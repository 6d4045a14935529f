"""A program for each of the kernels, as large as a GPU wants them.

    text, entry = KERNELS["row_scan"]
"""

from gpu_cases import FULL
from gpu_scans import GatedUnit, Mamba
from mlir_text import Conv, Kernel, Recurrence, Rows, program
from zoo import MODELS, text_of


def _timed(kernel):
    """What bench/gpu times first of a kernel."""
    return next(case for case in FULL if case.kernel == kernel).text(), "f"


_CONVOLUTIONS = {f"fft_{case.name.replace('convolution', 'conv')}": (case.text(), "f") for case in FULL if case.kernel == "K5"}


KERNELS = {
    "row_scan": _timed("K1"),
    "look_back": _timed("K2"),
    "column_scan": _timed("K3"),
    "selective_scan": _timed("K4"),
    "selective_scan, two channels a thread": (Mamba("", [16, 4096, 1536, 16], "").text(), "f"),
    "row_scan, gated": (GatedUnit("", [8, 1536, 4096], "").text(), "f"),
    "look_back, gated": (GatedUnit("", [1, 2, 1 << 20], "").text(), "f"),
    "column_scan, gated": (GatedUnit("", [8, 1536, 4096], "", layout="bth").text(), "f"),
    "mma_product": (program([Recurrence("n,ni,on,bti->bto", {"b": 8, "t": 4096, "n": 256, "i": 256, "o": 256}, dtype="bf16")]), "f"),
    "matrix_product, f64": (program([Recurrence("n,ni,on,bti->bto", {"b": 8, "t": 4096, "n": 256, "i": 256, "o": 256}, dtype="f64",
                                                complex="abcu")]), "f"),
    "column_scan, bf16": (program([Recurrence("bth,,,bth->bth", {"b": 8, "t": 4096, "h": 1536}, dtype="bf16")]), "f"),
    "column_scan, complex": (program([Recurrence("bth,,,bth->bth", {"b": 8, "t": 4096, "h": 768}, complex="auh")]), "f"),
    **_CONVOLUTIONS,
    "fft_conv, complex": (program([Conv("bht,ht->bht", {"b": 8, "h": 768, "t": 2048}, taps=2048, complex="uk")]), "f"),
    "fft_conv, complex, 8192 points": (program([Conv("bht,ht->bht", {"b": 8, "h": 768, "t": 4096}, taps=4096, complex="uk")]), "f"),
    "fft_conv, windows of 8192 points": (program([Conv("bht,ht->bht", {"b": 8, "h": 768, "t": 65536}, taps=4096)]), "f"),
    "fft_conv, complex by passes": (program([Conv("bht,ht->bht", {"b": 8, "h": 768, "t": 8192}, taps=8192, complex="uk")]), "f"),
    "fft_conv, bf16": (program([Conv("bht,ht->bht", {"b": 8, "h": 768, "t": 8192}, taps=8192, dtype="bf16")]), "f"),
    "chunked_scan": _timed("K6"),
    "chunked_scan, Mamba-2": (FULL[-1].text(), "f"),
    "S5": _timed("S5"),
    "s5_bidirectional": (text_of(MODELS["s5_bidirectional"].file), "s5_bidirectional"),
    "lru": (text_of(MODELS["lru"].file), "lru"),
    "bigs": (text_of(MODELS["bigs"].file), "bigs"),
    "powers": (program([Kernel("hn,hn,hn->hl", {"h": 8, "n": 64, "l": 4096}, complex="abc", projection="twice_real")]), "f"),
    "layer_norm": (Rows("layer_norm", [8192, 768]).text(), "f"),
    "softmax of long rows": (Rows("softmax", [64, 4096], dtype="bf16").text(), "f"),
    "row_scan, complex": (program([Recurrence("rt,,,rt->rt", {"r": 4, "t": 64}, complex="auh", dynamic="rt")]), "f"),
    "mamba1": (text_of(MODELS["mamba1"].file), "mamba1"),
    "mamba1_complex": (text_of(MODELS["mamba1_complex"].file), "mamba1_complex"),
    "s4d": (text_of(MODELS["s4d"].file), "s4d"),
}
