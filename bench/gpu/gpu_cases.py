"""What is timed: programs, arrays, checks in float64, and what others have for the same."""

import importlib
import math

import numpy as np
from gpu_driver import Absent


def need(module):
    try:
        return importlib.import_module(module)
    except Exception as error:
        raise Absent(f"{module} cannot be imported: {error}") from None


def to_bf16(x):
    """The bits of the nearest ones."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def from_bf16(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


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
        return [(rng.random(self.shape, np.float32) * 0.1 + 0.899).astype(np.float32),
                rng.standard_normal(self.shape, np.float32)]

    def error(self, inputs, results):
        """How far the result is from obeying its own recurrence, in float64."""
        a, u = inputs
        y = np.moveaxis(results[0], self.time, -1)
        a, u = np.moveaxis(a, self.time, -1), np.moveaxis(u, self.time, -1)
        worst, size = 0.0, 0.0
        step = 1 << 22
        for start in range(0, y.shape[-1], step):
            part = slice(start, start + step)
            before = np.zeros((*y.shape[:-1], 1)) if start == 0 else y[..., start - 1 : start].astype(float)
            before = np.concatenate([before, y[..., part][..., :-1].astype(float)], axis=-1)
            want = a[..., part].astype(float) * before + u[..., part]
            worst = np.maximum(worst, np.max(np.abs(y[..., part] - want)))
            size = np.maximum(size, np.max(np.abs(want)))
        return float(worst / size) if np.isfinite(worst) else math.inf

    bound = 1e-6

    def peers(self):
        return {"accelerated_scan": self.accelerated_scan} if self.kernel == "K1" else {}

    def accelerated_scan(self, inputs):
        torch, scan = need("torch"), need("accelerated_scan.warp").scan
        a, u = (torch.from_numpy(x.reshape(1, -1, x.shape[-1])).cuda() for x in inputs)
        return torch, lambda: scan(a, u)


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
        draw = lambda *shape: rng.standard_normal(shape, np.float32)
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
        got = results[0][0, :, :16]
        error = float(np.linalg.norm(got - want) / np.linalg.norm(want))
        return error if np.isfinite(error) else math.inf

    def peers(self):
        return {"mamba_ssm": self.mamba_ssm}

    def mamba_ssm(self, inputs):
        torch = need("torch")
        scan = need("mamba_ssm.ops.selective_scan_interface").selective_scan_fn
        A, D = (torch.from_numpy(x).cuda() for x in inputs[:2])
        u, delta, z, B, C = (torch.from_numpy(x).cuda().transpose(1, 2).contiguous() for x in inputs[2:])
        return torch, lambda: scan(u, delta, A, B, C, D, z=z, delta_softplus=True)


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
        draw = lambda: self.narrow(rng.standard_normal(self.shape, np.float32))
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
        error = float(np.linalg.norm(time_last(results[0]).astype(float) - want) / np.linalg.norm(want))
        return error if np.isfinite(error) else math.inf

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
        return [A, draw(n, h), draw(h, n), rng.standard_normal(h, np.float32), rng.standard_normal(self.shape, np.float32)]

    def error(self, inputs, results):
        """By the equations, on the first batch."""
        A, B, C, D, u = (x.astype(complex if np.iscomplexobj(x) else float) for x in (*inputs[:4], inputs[4][0]))
        x, want = np.zeros(len(A), complex), np.empty_like(u)
        drive = u @ B.T
        for t in range(len(u)):
            x = A * x + drive[t]
            want[t] = 2 * (C @ x).real + D * u[t]
        error = float(np.linalg.norm(results[0][0] - want) / np.linalg.norm(want))
        return error if np.isfinite(error) else math.inf

    def peers(self):
        return {"torch": self.torch}

    def torch(self, inputs):
        """Complex matmuls, and the scan as a convolution of each state by torch.fft: it has no scan."""
        torch = need("torch")
        A, B, C, D, u = (torch.from_numpy(x).cuda() for x in inputs)
        t = u.shape[1]
        powers = A.to(torch.complex128)[None] ** torch.arange(t, device="cuda", dtype=torch.float64)[:, None]
        spectrum = torch.fft.fft(powers.to(torch.complex64), n=2 * t, dim=0)

        def run():
            drive = u.to(torch.complex64) @ B.T
            x = torch.fft.ifft(torch.fft.fft(drive, n=2 * t, dim=1) * spectrum, dim=1)[:, :t]
            return 2 * (x @ C.T).real + D * u
        return torch, run


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


class SSD:
    """The recurrence of Mamba-2: matrix states with one decay, in bf16."""

    bound = 1e-2
    exponentials = 0

    def __init__(self, name, shape, bar):
        self.name, self.kernel, self.shape, self.bar = name, "K6", shape, bar
        b, t, h, p, n = shape
        self.bytes = 2 * (b * t * h + 2 * b * t * h * p + 2 * b * t * n)

    def text(self):
        b, t, h, p, n = self.shape
        bth, btn, bthp = f"tensor<{b}x{t}x{h}xbf16>", f"tensor<{b}x{t}x{n}xbf16>", f"tensor<{b}x{t}x{h}x{p}xbf16>"
        return f"""
#bth = affine_map<(b, t, h, p, n) -> (b, t, h)>
#bthp = affine_map<(b, t, h, p, n) -> (b, t, h, p)>
#btn = affine_map<(b, t, h, p, n) -> (b, t, n)>
#bhpn = affine_map<(b, t, h, p, n) -> (b, h, p, n)>
func.func @f(%a: {bth}, %u: {bthp}, %B: {btn}, %C: {btn}) -> {bthp} {{
  %y, %x = ssm.linear_recurrence transition(%a : {bth}) signal(%u : {bthp}) input(%B : {btn}) output(%C : {btn})
      {{indexing_maps = [#bth, #bthp, #btn, #btn, #bthp, #bhpn], time = 1 : i64}} -> {bthp}, tensor<{b}x{h}x{p}x{n}xf32>
  return %y : {bthp}
}}"""

    def inputs(self, rng):
        b, t, h, p, n = self.shape
        draw = lambda *shape: to_bf16(rng.standard_normal(shape, np.float32))
        return [to_bf16(rng.random((b, t, h), np.float32) * 0.2 + 0.79), draw(b, t, h, p), draw(b, t, n), draw(b, t, n)]

    def error(self, inputs, results):
        """By the equations, on the first batch and head."""
        a, u, B, C = (from_bf16(x[0]).astype(float) for x in inputs)
        state, want = np.zeros(self.shape[3:]), np.empty(u[:, 0].shape)
        for t in range(len(want)):
            state = a[t, 0] * state + np.outer(u[t, 0], B[t])
            want[t] = state @ C[t]
        error = float(np.linalg.norm(from_bf16(results[0][0, :, 0]) - want) / np.linalg.norm(want))
        return error if np.isfinite(error) else math.inf

    def peers(self):
        return {"mamba_ssm": self.mamba_ssm}

    def mamba_ssm(self, inputs):
        torch = need("torch")
        scan = need("mamba_ssm.ops.triton.ssd_combined").mamba_chunk_scan_combined
        a, u, B, C = (torch.from_numpy(from_bf16(x)).cuda() for x in inputs)
        dt, A = -torch.log(a), -torch.ones(self.shape[2], device="cuda")
        x, B, C = (v.bfloat16() for v in (u / dt[..., None], B[:, :, None], C[:, :, None]))
        return torch, lambda: scan(x, dt, A, B, C, chunk_size=256)


class Mamba2:
    """The block of Mamba-2 around its matrix states: steps by softplus, decays exp(dt A), signals dt x, D x, and the gate."""

    bound = 1e-2
    exponentials = 0

    def __init__(self, name, shape, bar):
        self.name, self.kernel, self.shape, self.bar = name, "K6", shape, bar
        b, t, h, p, n = shape
        self.bytes = 4 * b * t * h + 2 * (3 * b * t * h * p + 2 * b * t * n)

    def text(self):
        b, t, h, p, n = self.shape
        h_, bth, btn, bthp = f"tensor<{h}xf32>", f"tensor<{b}x{t}x{h}xf32>", f"tensor<{b}x{t}x{n}xbf16>", f"tensor<{b}x{t}x{h}x{p}xbf16>"
        parallel = lambda count: "iterator_types = [" + ", ".join(['"parallel"'] * count) + "]"
        return f"""
#bth = affine_map<(b, t, h, p, n) -> (b, t, h)>
#bthp = affine_map<(b, t, h, p, n) -> (b, t, h, p)>
#btn = affine_map<(b, t, h, p, n) -> (b, t, n)>
#bhpn = affine_map<(b, t, h, p, n) -> (b, h, p, n)>
#head = affine_map<(b, t, h) -> (h)>
#step = affine_map<(b, t, h) -> (b, t, h)>
#head_of = affine_map<(b, t, h, p) -> (h)>
#step_of = affine_map<(b, t, h, p) -> (b, t, h)>
#each = affine_map<(b, t, h, p) -> (b, t, h, p)>
func.func @f(%A: {h_}, %D: {h_}, %delta: {bth}, %x: {bthp}, %z: {bthp}, %B: {btn}, %C: {btn}) -> {bthp} {{
  %e = tensor.empty() : {bth}
  %o = tensor.empty() : {bthp}
  %dt, %decay = linalg.generic {{indexing_maps = [#head, #step, #step, #step], {parallel(3)}}}
      ins(%A, %delta : {h_}, {bth}) outs(%e, %e : {bth}, {bth}) {{
  ^bb0(%a: f32, %d: f32, %0: f32, %1: f32):
    %zero = arith.constant 0.0 : f32
    %high = arith.maximumf %d, %zero : f32
    %size = math.absf %d : f32
    %minus = arith.negf %size : f32
    %exp = math.exp %minus : f32
    %log = math.log1p %exp : f32
    %s = arith.addf %high, %log : f32
    %sa = arith.mulf %s, %a : f32
    %decay = math.exp %sa : f32
    linalg.yield %s, %decay : f32, f32
  }} -> ({bth}, {bth})
  %dtx = linalg.generic {{indexing_maps = [#step_of, #each, #each], {parallel(4)}}}
      ins(%dt, %x : {bth}, {bthp}) outs(%o : {bthp}) {{
  ^bb0(%s: f32, %v: bf16, %0: bf16):
    %w = arith.extf %v : bf16 to f32
    %sv = arith.mulf %s, %w : f32
    %r = arith.truncf %sv : f32 to bf16
    linalg.yield %r : bf16
  }} -> {bthp}
  %read, %S = ssm.linear_recurrence transition(%decay : {bth}) signal(%dtx : {bthp}) input(%B : {btn}) output(%C : {btn})
      {{indexing_maps = [#bth, #bthp, #btn, #btn, #bthp, #bhpn], time = 1 : i64}} -> {bthp}, tensor<{b}x{h}x{p}x{n}xf32>
  %y = linalg.generic {{indexing_maps = [#head_of, #each, #each, #each, #each], {parallel(4)}}}
      ins(%D, %x, %z, %read : {h_}, {bthp}, {bthp}, {bthp}) outs(%o : {bthp}) {{
  ^bb0(%d: f32, %v: bf16, %g: bf16, %r: bf16, %0: bf16):
    %one = arith.constant 1.0 : f32
    %w = arith.extf %v : bf16 to f32
    %gate = arith.extf %g : bf16 to f32
    %state = arith.extf %r : bf16 to f32
    %dv = arith.mulf %d, %w : f32
    %sum = arith.addf %state, %dv : f32
    %minus = arith.negf %gate : f32
    %exp = math.exp %minus : f32
    %more = arith.addf %one, %exp : f32
    %silu = arith.divf %gate, %more : f32
    %gated = arith.mulf %sum, %silu : f32
    %narrow = arith.truncf %gated : f32 to bf16
    linalg.yield %narrow : bf16
  }} -> {bthp}
  return %y : {bthp}
}}"""

    def inputs(self, rng):
        b, t, h, p, n = self.shape
        draw = lambda *shape: to_bf16(rng.standard_normal(shape, np.float32))
        return [-rng.uniform(1, 16, h).astype(np.float32), rng.standard_normal(h, np.float32), rng.standard_normal((b, t, h), np.float32) - 4,
                draw(b, t, h, p), draw(b, t, h, p), draw(b, t, n), draw(b, t, n)]

    def error(self, inputs, results):
        """By the equations, on the first batch and head."""
        A, D = (float(x[0]) for x in inputs[:2])
        dt = np.logaddexp(0, inputs[2][0, :, 0].astype(float))
        x, z, B, C = (from_bf16(v).astype(float) for v in (inputs[3][0, :, 0], inputs[4][0, :, 0], inputs[5][0], inputs[6][0]))
        state, want = np.zeros(self.shape[3:]), np.empty(x.shape)
        for t in range(len(want)):
            state = np.exp(dt[t] * A) * state + np.outer(dt[t] * x[t], B[t])
            want[t] = (state @ C[t] + D * x[t]) * z[t] / (1 + np.exp(-z[t]))
        error = float(np.linalg.norm(from_bf16(results[0][0, :, 0]) - want) / np.linalg.norm(want))
        return error if np.isfinite(error) else math.inf

    def peers(self):
        return {"mamba_ssm": self.mamba_ssm}

    def mamba_ssm(self, inputs):
        torch = need("torch")
        scan = need("mamba_ssm.ops.triton.ssd_combined").mamba_chunk_scan_combined
        A, D, delta = (torch.from_numpy(x).cuda() for x in inputs[:3])
        x, z, B, C = (torch.from_numpy(from_bf16(v)).cuda().bfloat16() for v in inputs[3:])
        B, C = B[:, :, None], C[:, :, None]
        return torch, lambda: scan(x, delta, A, B, C, chunk_size=256, D=D, z=z, dt_softplus=True)


FULL = [
    *(Scan(f"row scan, {rows} x {n}", "K1", [rows, n], 1, ">= 0.90 copy")
      for rows, n in ((12288, 4096), (3072, 16384), (1536, 65536))),
    GatedUnit("gated unit, 8 x 1536 x 4096", [8, 1536, 4096], ">= 0.90 copy"),
    Scan("look-back, one row of 2^28", "K2", [1 << 28], 0, ">= 0.80 copy"),
    Scan("look-back, 64 rows of 2^20", "K2", [64, 1 << 20], 1, ">= 0.80 copy"),
    Scan("column scan, 8 x 4096 x 1536", "K3", [8, 4096, 1536], 1, ">= 0.90 copy"),
    GatedUnit("gated unit, 8 x 4096 x 1536, channels last", [8, 1536, 4096], ">= 0.90 copy", layout="bth"),
    S5("S5, 8 x 4096 x 256, 128 states", [8, 4096, 256, 128], "faster than torch"),
    Mamba("selective scan, 8 x 4096 x 1536 x 16", [8, 4096, 1536, 16], ">= 1.5 x mamba_ssm"),
    *(Conv(f"convolution, 8 x 768 x {n}", [8, 768, n], ">= 2.5 x torch.fft") for n in (1024, 4096, 8192, 16384)),
    Conv("convolution, 8 x 8 x 2^20", [8, 8, 1 << 20], "faster than torch.fft"),
    Conv("convolution, 8 x 768 x 65536 with 2048 taps", [8, 768, 65536], ">= 2.5 x torch.fft", taps=2048),
    Conv("convolution, 8 x 4096 x 768, channels last", [8, 768, 4096], ">= 2.5 x torch.fft", layout="bth"),
    *(Conv(f"convolution by matrices, 8 x 768 x {n}", [8, 768, n], ">= 5 x torch.fft", matrices=True) for n in (1024, 2048, 4096)),
    SSD("matrix states, 8 x 4096 x 24 x 64 x 128", [8, 4096, 24, 64, 128], ">= 1.3 x mamba_ssm"),
    Mamba2("Mamba-2, 8 x 4096 x 24 x 64 x 128", [8, 4096, 24, 64, 128], ">= 1.3 x mamba_ssm"),
]
QUICK = [Scan("row scan", "K1", [3, 700], 1, ""), GatedUnit("gated unit", [1, 3, 300], ""),
         GatedUnit("gated unit, channels last", [1, 4, 300], "", layout="bth"), S5("S5", [2, 40, 8, 4], ""),
         Scan("look-back", "K2", [9000], 0, ""),
         Scan("column scan", "K3", [2, 9, 40], 1, ""), Mamba("selective scan", [1, 20, 16, 16], ""),
         Conv("convolution", [2, 1, 600], ""), Conv("convolution by passes", [1, 2, 7000], ""),
         Conv("convolution by windows", [1, 2, 5000], "", taps=600), Conv("convolution, channels last", [2, 3, 600], "", layout="bth"),
         Conv("convolution by matrices", [2, 1, 1500], "", matrices=True),
         SSD("matrix states", [1, 70, 1, 64, 64], ""), Mamba2("Mamba-2", [1, 100, 1, 64, 64], "")]
