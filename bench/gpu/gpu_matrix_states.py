"""Recurrences with states that are matrices: programs, arrays in bf16, checks in float64, and peers."""

import math

import numpy as np
from gpu_peers import need


def to_bf16(x):
    """The bits of the nearest ones."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def from_bf16(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


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
