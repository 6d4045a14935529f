"""The character model of model.mlir: its sizes, its texts and its weights.

A character is embedded; LAYERS blocks follow, each x + v sigmoid(g) where v and g are linear maps of silu(S4D(norm(x)));
then a norm and a linear map to the logits of the next character. S4D is a diagonal state-space layer with N complex
states for each of WIDTH channels (Gu et al., arXiv 2206.11893), discretized by zero-order hold with B = 1.
"""

from pathlib import Path

import numpy as np

LAYERS, WIDTH, STATES = 6, 256, 16
ALPHABET = "\n" + "".join(map(chr, range(32, 127)))
WEIGHTS = Path(__file__).with_name("weights.npz")
PROGRAM = Path(__file__).with_name("model.mlir")

# Texts that every Debian system has (package base-files). The model has not seen the last one.
LICENSES = Path("/usr/share/common-licenses")
TRAINING = ("GPL-3", "GPL-2", "LGPL-2.1", "LGPL-3", "GFDL-1.3", "MPL-2.0", "Apache-2.0", "CC0-1.0", "Artistic")
HELD_BACK = "MPL-1.1"

SHAPES = {
    "embedding": (len(ALPHABET), WIDTH),
    "scale": (LAYERS, WIDTH), "shift": (LAYERS, WIDTH),
    "log_step": (LAYERS, WIDTH), "log_decay": (LAYERS, WIDTH, STATES), "frequency": (LAYERS, WIDTH, STATES),
    "c_re": (LAYERS, WIDTH, STATES), "c_im": (LAYERS, WIDTH, STATES), "skip": (LAYERS, WIDTH),
    "value": (LAYERS, WIDTH, WIDTH), "value_bias": (LAYERS, WIDTH),
    "gate": (LAYERS, WIDTH, WIDTH), "gate_bias": (LAYERS, WIDTH),
    "last_scale": (WIDTH,), "last_shift": (WIDTH,), "logits": (WIDTH, len(ALPHABET)),
}


def read(*names):
    """The texts of licenses, as the numbers of their characters; others are left out."""
    number = {k: i for i, k in enumerate(ALPHABET)}
    text = "\n".join((LICENSES / name).read_text(encoding="utf-8") for name in names)
    return np.array([number[k] for k in text if k in number])


def encode(text):
    if unknown := set(text) - set(ALPHABET):
        raise ValueError(f"the model knows the printable characters of ASCII, but not {sorted(unknown)}")
    return np.array([ALPHABET.index(k) for k in text], int)


def decode(numbers):
    return "".join(ALPHABET[i] for i in numbers)
