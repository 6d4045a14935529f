"""Convolutions: programs, arrays, checks in float64, and peers."""

import math

import numpy as np
from gpu_arrays import in_parallel, normal, relative


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
        kernel = normal(rng, self.kernel_shape) * np.expand_dims(decay, 1 - axis)
        return [normal(rng, self.shape), kernel]

    def error(self, inputs, results):
        """By the definition of NumPy's transform, on the first 16 kernels."""
        u, k, y = (np.moveaxis(x, self.layout.index("t") - 3, -1)[..., :16, :] for x in (*inputs, results[0]))
        n = self.sizes["t"] + self.taps
        transform = lambda x: np.fft.rfft(x.astype(float), n)
        convolve = lambda channel: np.fft.irfft(transform(u[:, channel]) * transform(k[channel]), n)[..., : self.sizes["t"]]
        want = np.stack(in_parallel(convolve, range(len(k))), axis=1)
        return relative(y, want)

    def peers(self):
        return {"torch.fft": self.torch_fft}

    def torch_fft(self, peers, u, k):
        """Of an even length."""
        fft, length, axis = peers.torch.fft, self.sizes["t"], self.layout.index("t") - 3
        n = length + self.taps + (length + self.taps) % 2
        return [lambda: fft.irfft(fft.rfft(u, n, dim=axis) * fft.rfft(k, n, dim=axis), n, dim=axis).narrow(axis, 0, length)]
