"""Convolutions: programs, arrays, checks in float64, and peers."""

import math

import numpy as np
from gpu_peers import need


class Conv:
    """The causal convolution of signals with kernels: `layout` is that of the signals, "bht" or "bth".

    With `matrices` transforms are products of matrices of bf16.
    """

    exponentials = 0

    def __init__(self, name, sizes, bar, taps=None, layout="bht", matrices=False):
        self.bound = 8e-3 if matrices else 1e-6
        self.strategy = ", strategy = #ssm.strategy<fft_conv, matrix = bf16>" if matrices else ""
        self.name, self.kernel, self.bar, self.layout = name, "K5", bar, layout
        self.sizes = dict(zip("bht", sizes))
        self.taps = taps or self.sizes["t"]
        self.shape = [self.sizes[letter] for letter in layout]
        self.kernel_shape = [self.taps if letter == "t" else self.sizes[letter] for letter in layout if letter != "b"]
        self.bytes = 4 * (2 * math.prod(self.shape) + math.prod(self.kernel_shape))

    def text(self):
        of = lambda letters: f"affine_map<(b, h, t) -> ({', '.join(letters)})>"
        tensor = lambda shape: f"tensor<{'x'.join(map(str, shape))}xf32>"
        u, k = tensor(self.shape), tensor(self.kernel_shape)
        ofu, ofk = of(self.layout), of(self.layout.replace("b", ""))
        return f"""
func.func @f(%u: {u}, %k: {k}) -> {u} {{
  %y = ssm.long_conv %u, %k {{indexing_maps = [{ofu}, {ofk}, {ofu}], time = 2 : i64{self.strategy}}} : {u}, {k} -> {u}
  return %y : {u}
}}"""

    def inputs(self, rng):
        axis = self.layout.replace("b", "").index("t")
        decay = np.float32(0.999) ** np.arange(self.taps, dtype=np.float32)
        kernel = rng.standard_normal(self.kernel_shape, np.float32) * np.expand_dims(decay, 1 - axis)
        return [rng.standard_normal(self.shape, np.float32), kernel]

    def error(self, inputs, results):
        """By the definition of NumPy's transform, on the first 16 kernels."""
        u, k, y = (np.moveaxis(x, self.layout.index("t") - 3, -1)[..., :16, :].astype(float) for x in (*inputs, results[0]))
        n = self.sizes["t"] + self.taps
        want = np.fft.irfft(np.fft.rfft(u, n) * np.fft.rfft(k, n), n)[..., : self.sizes["t"]]
        error = float(np.linalg.norm(y - want) / np.linalg.norm(want))
        return error if np.isfinite(error) else math.inf

    def peers(self):
        return {"torch.fft": self.torch_fft}

    def torch_fft(self, inputs):
        """Of an even length."""
        torch, length, axis = need("torch"), self.sizes["t"], self.layout.index("t") - 3
        n = length + self.taps + (length + self.taps) % 2
        u, k = (torch.from_numpy(x).cuda() for x in inputs)
        return torch, lambda: torch.fft.irfft(torch.fft.rfft(u, n, dim=axis) * torch.fft.rfft(k, n, dim=axis), n, dim=axis).narrow(axis, 0, length)
