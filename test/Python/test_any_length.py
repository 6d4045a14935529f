"""A convolution that is compiled once equals the float64 sum at every length."""

import mlir_ssm as ssm
import numpy as np
import pytest

# Everything up to two leaves' worth of a border, then one step beside the sizes of transforms (three quarters of a
# power of two, and the power itself), and lengths that leave a part of a square of 16 in each row.
LENGTHS = [*range(20), 31, 63, 64, 65, 96, 97, 127, 128, 129, 192, 193, 200, 256, 257, 384, 385, 500, 769, 1000, 1025,
           1536, 1537, 2049, 3073, 5000, 8193]
LAYOUTS = {"bth": "(b, t, h) -> (b, t, h)", "bht": "(b, t, h) -> (b, h, t)"}
KERNELS = {"bth": "(b, t, h) -> (t, h)", "bht": "(b, t, h) -> (h, t)"}


def program(signal, kernel, result, direction, channels, element):
    def tensor(axes):
        sizes = "x".join({"b": "2", "h": str(channels), "t": "?"}[axis] for axis in axes)
        return f"tensor<{sizes}x{element}>"

    u, k, y = tensor(signal), tensor(kernel.replace("b", "")), tensor(result)
    maps = ", ".join(f"affine_map<{text}>" for text in (LAYOUTS[signal], KERNELS[kernel], LAYOUTS[result]))
    return f"""
    func.func @f(%u: {u}, %k: {k}) -> {y} {{
      %y = ssm.long_conv %u, %k {{indexing_maps = [{maps}], time = 1 : i64, direction = #ssm.direction<{direction}>}}
        : {u}, {k} -> {y}
      return %y : {y}
    }}"""


def causal(u, k):
    """y[b, h, t] = sum over s <= t of k[h, s] u[b, h, t - s], in float64."""
    length = u.shape[-1]
    if length == 0 or k.shape[-1] == 0:
        return np.zeros(u.shape)
    return np.array([[np.convolve(row, taps)[:length] for row, taps in zip(rows, k)] for rows in u])


@pytest.mark.parametrize("element", ["f32", "f64"])
@pytest.mark.parametrize("signal, kernel, result, direction, channels", [
    ("bth", "bth", "bth", "forward", 16), ("bht", "bht", "bht", "forward", 16), ("bth", "bht", "bht", "backward", 16),
    ("bht", "bth", "bth", "backward", 16), ("bht", "bht", "bht", "forward", 19)])
def test_lengths(signal, kernel, result, direction, channels, element):
    text = program(signal, kernel, result, direction, channels, element)
    f = ssm.compile(text, strategy="fft_conv")
    rng = np.random.default_rng(0)
    dtype, tolerance = (np.float32, 1e-6) if element == "f32" else (np.float64, 1e-14)
    swap = {"bth": (0, 2, 1), "bht": (0, 1, 2)}
    for n, length in enumerate(LENGTHS):
        # As many taps as steps, fewer, more, and a few.
        taps = (length, length // 3, length + 7, min(length, 5))[n % 4]
        u, k = rng.standard_normal((2, channels, length)), rng.standard_normal((channels, taps))
        ins = [u.transpose(swap[signal]), k.T if kernel == "bth" else k]
        found = f(*(np.ascontiguousarray(x, dtype) for x in ins)).transpose(swap[result])
        u, k = u.astype(dtype).astype(float), k.astype(dtype).astype(float)
        exact = causal(u[..., ::-1], k)[..., ::-1] if direction == "backward" else causal(u, k)
        error = np.linalg.norm(found - exact)
        assert error <= tolerance * np.linalg.norm(exact), f"{length} steps, {taps} taps: off by {error}"
