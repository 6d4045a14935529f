"""Recurrences with states that are numbers: programs, arrays, checks in float64, and peers."""

import importlib
import math

import numpy as np
from gpu_arrays import BLOCK, in_parallel, normal, relative, uniform
from gpu_peers import need


def plain(shape, time):
    """x_t = a_t x_{t-1} + u_t over a [*shape], without a final state."""
    letters = [f"d{i}" for i in range(len(shape))]
    tensor, state = ("tensor<" + "".join(f"{n}x" for n in sizes) + "f32>"
                     for sizes in (shape, [n for i, n in enumerate(shape) if i != time]))
    full, rest = (f"affine_map<({', '.join(letters)}) -> ({', '.join(used)})>"
                  for used in (letters, [d for i, d in enumerate(letters) if i != time]))
    return f"""
func.func @f(%a: {tensor}, %u: {tensor}) -> {tensor} {{
  %y, %x = ssm.linear_recurrence transition(%a : {tensor}) signal(%u : {tensor})
      {{indexing_maps = [{full}, {full}, {full}, {rest}], time = {time} : i64}} -> {tensor}, {state}
  return %y : {tensor}
}}"""


class Scan:
    def __init__(self, name, kernel, shape, time, bar):
        self.name, self.kernel, self.shape, self.time, self.bar = name, kernel, shape, time, bar
        self.bytes = 3 * 4 * math.prod(shape)
        self.exponentials = 0

    def text(self):
        return plain(self.shape, self.time)

    def inputs(self, rng):
        return [uniform(rng, self.shape, 0.899, 0.999), normal(rng, self.shape)]

    def error(self, inputs, results):
        """How far the result is from obeying its own recurrence, in float64."""
        length, width = self.shape[self.time], math.prod(self.shape[self.time + 1 :])
        a, u, y = (x.reshape(-1, length, width) for x in (*inputs, results[0]))
        steps = min(length, -(-BLOCK // width))
        rows = -(-BLOCK // (steps * width))

        def check(row, step):
            some = slice(row, row + rows), slice(step, step + steps)
            before = np.zeros(y[some].shape)
            before[:, 1:] = y[some][:, :-1]
            if step:
                before[:, 0] = y[row : row + rows, step - 1]
            want = a[some] * before + u[some]
            return np.max(np.abs(y[some] - want)), np.max(np.abs(want))

        blocks = [(row, step) for row in range(0, len(y), rows) for step in range(0, length, steps)]
        worst, size = np.max(in_parallel(check, *zip(*blocks)), axis=0)
        return float(worst / size) if np.isfinite(worst) else math.inf

    bound = 1e-6

    def peers(self):
        return {"K1": {"accelerated_scan": self.accelerated_scan, "Triton": self.triton}, "K2": {"CUB": self.cub}}.get(self.kernel, {})

    def accelerated_scan(self, peers, a, u):
        """Its kernel: what it has around that clears the result first."""
        forward, y = need("accelerated_scan.warp").warpscan_forward, peers.torch.full_like(a, math.nan)

        def run():
            forward(a[None], u[None], y[None], False)
            return y
        return [run]

    def triton(self, peers, a, u):
        return peers.triton_scans(a, u)

    def cub(self, peers, a, u):
        return [peers.cub_scan(a, u)]


class Mamba:
    """The selective scan of Mamba-1, with softplus, the product with D and the gate."""

    bound = 1e-5

    def __init__(self, name, shape, bar):
        self.name, self.kernel, self.shape, self.bar = name, "K4", shape, bar
        b, t, d, n = shape
        self.bytes = 4 * (4 * b * t * d + 2 * b * t * n)
        self.exponentials = b * t * d * n

    def text(self):
        b, t, d, n = self.shape
        btd, btn, dn, dd = f"tensor<{b}x{t}x{d}xf32>", f"tensor<{b}x{t}x{n}xf32>", f"tensor<{d}x{n}xf32>", f"tensor<{d}xf32>"
        btdn, bdn = f"tensor<{b}x{t}x{d}x{n}xf32>", f"tensor<{b}x{d}x{n}xf32>"
        return f"""
#btd = affine_map<(b, t, d, n) -> (b, t, d)>
#btn = affine_map<(b, t, d, n) -> (b, t, n)>
#dn = affine_map<(b, t, d, n) -> (d, n)>
#btdn = affine_map<(b, t, d, n) -> (b, t, d, n)>
#bdn = affine_map<(b, t, d, n) -> (b, d, n)>
#each = affine_map<(b, t, d) -> (b, t, d)>
#channel = affine_map<(b, t, d) -> (d)>
func.func @f(%A: {dn}, %D: {dd}, %u: {btd}, %delta: {btd}, %z: {btd}, %B: {btn}, %C: {btn}) -> {btd} {{
  %e = tensor.empty() : {btd}
  %dt, %dtu = linalg.generic {{indexing_maps = [#each, #each, #each, #each], iterator_types = ["parallel", "parallel", "parallel"]}}
      ins(%delta, %u : {btd}, {btd}) outs(%e, %e : {btd}, {btd}) {{
  ^bb0(%x: f32, %v: f32, %0: f32, %1: f32):
    %zero = arith.constant 0.0 : f32
    %high = arith.maximumf %x, %zero : f32
    %size = math.absf %x : f32
    %minus = arith.negf %size : f32
    %exp = math.exp %minus : f32
    %log = math.log1p %exp : f32
    %step = arith.addf %high, %log : f32
    %scaled = arith.mulf %step, %v : f32
    linalg.yield %step, %scaled : f32, f32
  }} -> ({btd}, {btd})
  %a, %unused = ssm.discretize euler transition(%A : {dn}) step(%dt : {btd})
      {{indexing_maps = [#dn, #btd, #btdn, #btd]}} -> {btdn}, {btd}
  %s, %h = ssm.linear_recurrence transition(%a : {btdn}) signal(%dtu : {btd}) input(%B : {btn}) output(%C : {btn})
      {{indexing_maps = [#btdn, #btd, #btn, #btn, #btd, #bdn], time = 1 : i64}} -> {btd}, {bdn}
  %y = linalg.generic {{indexing_maps = [#channel, #each, #each, #each], iterator_types = ["parallel", "parallel", "parallel"]}}
      ins(%D, %u, %z : {dd}, {btd}, {btd}) outs(%s : {btd}) {{
  ^bb0(%d: f32, %v: f32, %g: f32, %sum: f32):
    %dv = arith.mulf %d, %v fastmath<contract> : f32
    %all = arith.addf %sum, %dv fastmath<contract> : f32
    %one = arith.constant 1.0 : f32
    %minus = arith.negf %g : f32
    %exp = math.exp %minus : f32
    %more = arith.addf %one, %exp : f32
    %silu = arith.divf %g, %more : f32
    %gated = arith.mulf %all, %silu : f32
    linalg.yield %gated : f32
  }} -> {btd}
  return %y : {btd}
}}"""

    def inputs(self, rng):
        b, t, d, n = self.shape
        decay = -np.tile(np.arange(1, n + 1, dtype=np.float32), (d, 1))
        draw = lambda *shape: normal(rng, shape)
        return [decay, draw(d), draw(b, t, d), draw(b, t, d) - 4, draw(b, t, d), draw(b, t, n), draw(b, t, n)]

    def error(self, inputs, results):
        """By the equations, on the first batch and 16 channels."""
        A, D, u, delta, z, B, C = (x.astype(float) for x in (inputs[0][:16], inputs[1][:16], *(x[0, :, :16] for x in inputs[2:5]),
                                                            inputs[5][0], inputs[6][0]))
        dt = np.logaddexp(0, delta)
        h, y = np.zeros_like(A), np.empty_like(u)
        for t in range(len(u)):
            h = np.exp(dt[t, :, None] * A) * h + (dt[t] * u[t])[:, None] * B[t]
            y[t] = h @ C[t]
        want = (y + D * u) * z / (1 + np.exp(-z))
        return relative(results[0][0, :, :16], want)

    def peers(self):
        return {"mamba_ssm": self.mamba_ssm}

    def mamba_ssm(self, peers, A, D, *others):
        scan = need("mamba_ssm.ops.selective_scan_interface").selective_scan_fn
        u, delta, z, B, C = (x.transpose(1, 2).contiguous() for x in others)
        return [lambda: scan(u, delta, A, B, C, D, z=z, delta_softplus=True).transpose(1, 2)]


class GatedUnit:
    """A gated linear unit over rows of time, with its gates, a product with C, one with D, and a gate behind it.

    a = exp(-8 softplus(nu) sigmoid(r)), x_t = a x_{t-1} + sqrt(1 - a^2) i u, y = (c x + D u) silu(z)
    """

    bound = 1e-5

    def __init__(self, name, sizes, bar, reverse=False, dtype="f32", layout="bht"):
        """`sizes` are those of b, h and t."""
        self.name, self.bar, self.reverse, self.dtype, self.layout = name, bar, reverse, dtype, layout
        self.kernel = "K1" if layout.endswith("t") else "K3"
        self.sizes = dict(zip("bht", sizes))
        self.shape = [self.sizes[letter] for letter in layout]
        self.bytes = 4 * 6 * math.prod(sizes)
        self.exponentials = 0

    def text(self):
        full, h = "x".join(map(str, self.shape)), self.sizes["h"]
        bht, wide_bht, hs, bh = f"tensor<{full}x{self.dtype}>", f"tensor<{full}xf32>", f"tensor<{h}xf32>", f"tensor<{self.sizes['b']}x{h}xf32>"
        wide = lambda name: name if self.dtype == "f32" else name + "_w"
        load = lambda *names: "".join(f"    {wide(n)} = arith.extf {n} : {self.dtype} to f32\n" for n in names if wide(n) != n)
        store = f"%out = arith.truncf %gated : f32 to {self.dtype}\n    linalg.yield %out" if self.dtype != "f32" else "linalg.yield %gated"
        direction = "backward" if self.reverse else "forward"
        parallel = 'iterator_types = ["parallel", "parallel", "parallel"]'
        return f"""
#bht = affine_map<(b, h, t) -> ({', '.join(self.layout)})>
#h = affine_map<(b, h, t) -> (h)>
#bh = affine_map<(b, h, t) -> (b, h)>
func.func @f(%nu: {hs}, %D: {hs}, %r: {bht}, %i: {bht}, %c: {bht}, %u: {bht}, %z: {bht}) -> {bht} {{
  %e = tensor.empty() : {wide_bht}
  %o = tensor.empty() : {bht}
  %a, %v = linalg.generic {{indexing_maps = [#h, #bht, #bht, #bht, #bht, #bht], {parallel}}}
      ins(%nu, %r, %i, %u : {hs}, {bht}, {bht}, {bht}) outs(%e, %e : {wide_bht}, {wide_bht}) {{
  ^bb0(%n: f32, %gate: {self.dtype}, %in: {self.dtype}, %x: {self.dtype}, %0: f32, %1: f32):
{load("%gate", "%in", "%x")}    %one = arith.constant 1.0 : f32
    %eight = arith.constant -8.0 : f32
    %en = math.exp %n : f32
    %soft = math.log1p %en : f32
    %minus = arith.negf {wide('%gate')} : f32
    %exp = math.exp %minus : f32
    %more = arith.addf %one, %exp : f32
    %rate = arith.mulf %eight, %soft : f32
    %log = arith.divf %rate, %more : f32
    %decay = math.exp %log : f32
    %square = arith.mulf %decay, %decay : f32
    %rest = arith.subf %one, %square : f32
    %scale = math.sqrt %rest : f32
    %iu = arith.mulf {wide('%in')}, {wide('%x')} : f32
    %drive = arith.mulf %scale, %iu : f32
    linalg.yield %decay, %drive : f32, f32
  }} -> ({wide_bht}, {wide_bht})
  %s, %last = ssm.linear_recurrence transition(%a : {wide_bht}) signal(%v : {wide_bht})
      {{indexing_maps = [#bht, #bht, #bht, #bh], time = 2 : i64, direction = #ssm.direction<{direction}>}} -> {wide_bht}, {bh}
  %y = linalg.generic {{indexing_maps = [#bht, #bht, #h, #bht, #bht, #bht], {parallel}}}
      ins(%s, %c, %D, %u, %z : {wide_bht}, {bht}, {hs}, {bht}, {bht}) outs(%o : {bht}) {{
  ^bb0(%x: f32, %cc: {self.dtype}, %d: f32, %w: {self.dtype}, %g: {self.dtype}, %0: {self.dtype}):
{load("%cc", "%w", "%g")}    %one = arith.constant 1.0 : f32
    %cx = arith.mulf {wide('%cc')}, %x fastmath<contract> : f32
    %du = arith.mulf %d, {wide('%w')} fastmath<contract> : f32
    %all = arith.addf %cx, %du fastmath<contract> : f32
    %minus = arith.negf {wide('%g')} : f32
    %exp = math.exp %minus : f32
    %more = arith.addf %one, %exp : f32
    %silu = arith.divf {wide('%g')}, %more : f32
    %gated = arith.mulf %all, %silu : f32
    {store} : {self.dtype}
  }} -> {bht}
  return %y : {bht}
}}"""

    def inputs(self, rng):
        draw = lambda: self.narrow(normal(rng, self.shape))
        h = self.sizes["h"]
        return [rng.uniform(-4, 0, h).astype(np.float32), rng.standard_normal(h, np.float32), *(draw() for _ in range(5))]

    def narrow(self, x):
        return x if self.dtype == "f32" else x.astype(importlib.import_module("ml_dtypes").bfloat16)

    def error(self, inputs, results):
        """By the equations, on the first 16 channels of the first batch."""
        time_last = lambda x: np.moveaxis(x, self.layout.index("t"), -1)[0, :16]
        nu, D, r, i, c, u, z = (x.astype(float) for x in (inputs[0][:16, None], inputs[1][:16, None], *map(time_last, inputs[2:])))
        a = np.exp(-8 * np.logaddexp(0, nu) / (1 + np.exp(-r)))
        drive = np.sqrt(1 - a * a) * i * u
        x, state = np.empty_like(a), np.zeros(len(a))
        for t in range(a.shape[1])[:: -1 if self.reverse else 1]:
            x[:, t] = state = a[:, t] * state + drive[:, t]
        want = (c * x + D * u) * z / (1 + np.exp(-z))
        return relative(time_last(results[0]), want)

    def peers(self):
        return {}


class S5:
    """A layer of S5: its product with B, a scan of its states, and 2 Re(C x) + D u."""

    bound = 1e-5
    exponentials = 0

    def __init__(self, name, sizes, bar):
        """`sizes` are those of batches, steps, channels and stored states."""
        self.name, self.kernel, self.bar, self.sizes = name, "S5", bar, sizes
        b, t, h, n = sizes
        self.shape = [b, t, h]
        # Signals and states come from memory twice, and go there as often, but for results.
        self.bytes = 4 * 2 * b * t * h + 8 * 4 * b * t * n

    def text(self):
        b, t, h, n = self.sizes
        bth, nn, nh, hn, hs, bn = (f"tensor<{b}x{t}x{h}xf32>", f"tensor<{n}xcomplex<f32>>", f"tensor<{n}x{h}xcomplex<f32>>",
                                   f"tensor<{h}x{n}xcomplex<f32>>", f"tensor<{h}xf32>", f"tensor<{b}x{n}xcomplex<f32>>")
        of = lambda letters: f"affine_map<(b, t, n, i, o) -> ({', '.join(letters)})>"
        return f"""
#each = affine_map<(b, t, h) -> (b, t, h)>
#channel = affine_map<(b, t, h) -> (h)>
func.func @f(%A: {nn}, %B: {nh}, %C: {hn}, %D: {hs}, %u: {bth}) -> {bth} {{
  %s, %x = ssm.linear_recurrence transition(%A : {nn}) signal(%u : {bth}) input(%B : {nh}) output(%C : {hn})
      {{indexing_maps = [{of("n")}, {of("bti")}, {of("ni")}, {of("on")}, {of("bto")}, {of("bn")}], time = 1 : i64,
       projection = #ssm.projection<twice_real>}} -> {bth}, {bn}
  %y = linalg.generic {{indexing_maps = [#channel, #each, #each], iterator_types = ["parallel", "parallel", "parallel"]}}
      ins(%D, %u : {hs}, {bth}) outs(%s : {bth}) {{
  ^bb0(%d: f32, %v: f32, %sum: f32):
    %dv = arith.mulf %d, %v fastmath<contract> : f32
    %all = arith.addf %sum, %dv fastmath<contract> : f32
    linalg.yield %all : f32
  }} -> {bth}
  return %y : {bth}
}}"""

    def inputs(self, rng):
        _, _, h, n = self.sizes
        draw = lambda *shape: (rng.standard_normal((*shape, 2), np.float32)).view(np.complex64)[..., 0] / np.float32(np.sqrt(h))
        A = (rng.uniform(0.9, 0.999, n) * np.exp(1j * rng.uniform(0, 3, n))).astype(np.complex64)
        return [A, draw(n, h), draw(h, n), normal(rng, [h]), normal(rng, self.shape)]

    def error(self, inputs, results):
        """By the equations, on the first batch."""
        A, B, C, D, u = (x.astype(complex if np.iscomplexobj(x) else float) for x in (*inputs[:4], inputs[4][0]))
        x, want = np.zeros(len(A), complex), np.empty_like(u)
        drive = u @ B.T
        for t in range(len(u)):
            x = A * x + drive[t]
            want[t] = 2 * (C @ x).real + D * u[t]
        return relative(results[0][0], want)

    def peers(self):
        return {"torch": self.torch}

    def torch(self, peers, A, B, C, D, u):
        """Complex matmuls, and the scan as a convolution of each state by torch.fft: it has no scan."""
        torch, t = peers.torch, u.shape[1]
        powers = A.to(torch.complex128)[None] ** torch.arange(t, device=A.device, dtype=torch.float64)[:, None]
        spectrum = torch.fft.fft(powers.to(torch.complex64), n=2 * t, dim=0)

        def run():
            drive = u.to(torch.complex64) @ B.T
            x = torch.fft.ifft(torch.fft.fft(drive, n=2 * t, dim=1) * spectrum, dim=1)[:, :t]
            return 2 * (x @ C.T).real + D * u
        return [run]
