"""Recurrences with states that are matrices: programs, arrays in bf16, checks in float64, and peers."""

import numpy as np
from gpu_arrays import from_bf16, normal, normal_bf16, relative, to_bf16, uniform
from gpu_peers import need

# Steps of a chunk.
CHUNK = 64


def count_products(b, t, h, p, n):
    """Products of numbers that the chunked algorithm needs: C B^T and its product with the signals up to the
    diagonal, C by the state, and the state's update, of each head."""
    below = CHUNK * (CHUNK + 1) // 2 * (n + p)
    return b * h * -(-t // CHUNK) * (below + 2 * CHUNK * n * p)


class SSD:
    """The recurrence of Mamba-2: matrix states with one decay, in bf16."""

    bound = 1e-2
    exponentials = 0

    def __init__(self, name, shape, bar):
        self.name, self.kernel, self.shape, self.bar = name, "K6", shape, bar
        b, t, h, p, n = shape
        self.products = count_products(*shape)
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
        draw = lambda *shape: normal_bf16(rng, shape)
        return [to_bf16(uniform(rng, (b, t, h), 0.79, 0.99)), draw(b, t, h, p), draw(b, t, n), draw(b, t, n)]

    def error(self, inputs, results):
        """By the equations, on the first batch and head."""
        a, u, B, C = (from_bf16(x[0]).astype(float) for x in inputs)
        state, want = np.zeros(self.shape[3:]), np.empty(u[:, 0].shape)
        for t in range(len(want)):
            state = a[t, 0] * state + np.outer(u[t, 0], B[t])
            want[t] = state @ C[t]
        return relative(from_bf16(results[0][0, :, 0]), want)

    def peers(self):
        return {"mamba_ssm": self.mamba_ssm}

    def mamba_ssm(self, peers, a, u, B, C):
        """With steps whose decays are ours: -log a, of which the signals are a part."""
        torch, scan = peers.torch, need("mamba_ssm.ops.triton.ssd_combined").mamba_chunk_scan_combined
        dt, A = -torch.log(a.float()), -torch.ones(self.shape[2], device=a.device)
        x, B, C = (u / dt[..., None]).bfloat16(), B[:, :, None], C[:, :, None]
        return [lambda: scan(x, dt, A, B, C, chunk_size=256)]


class Mamba2:
    """The block of Mamba-2 around its matrix states: steps by softplus, decays exp(dt A), signals dt x, D x, and the gate."""

    bound = 1e-2
    exponentials = 0

    def __init__(self, name, shape, bar):
        self.name, self.kernel, self.shape, self.bar = name, "K6", shape, bar
        b, t, h, p, n = shape
        self.products = count_products(*shape)
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
        draw = lambda *shape: normal_bf16(rng, shape)
        return [-rng.uniform(1, 16, h).astype(np.float32), normal(rng, [h]), normal(rng, (b, t, h)) - 4,
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
        return relative(from_bf16(results[0][0, :, 0]), want)

    def peers(self):
        return {"mamba_ssm": self.mamba_ssm}

    def mamba_ssm(self, peers, A, D, delta, x, z, B, C):
        scan = need("mamba_ssm.ops.triton.ssd_combined").mamba_chunk_scan_combined
        B, C = B[:, :, None], C[:, :, None]
        return [lambda: scan(x, delta, A, B, C, chunk_size=256, D=D, z=z, dt_softplus=True)]
