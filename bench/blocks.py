"""Residual blocks of sequence models, as people write them in JAX.

BLOCKS[name](B, L, D) gives a function of parameters and a signal [B, L, D], and
these. Sources: Mamba (arXiv 2312.00752), S4D (2206.11893), LRU (2303.06349),
RWKV-4 (2305.13048), Griffin's RG-LRU (2402.19427), gated linear attention
(2312.06635), minGRU (2410.01201).
"""

import numpy as np
from peers import affine_pair, jax

STATES, TAPS, HEADS = 16, 4, 4


class Parameters(dict):
    """Arrays by name, drawn one after the other."""

    def __init__(self):
        self.random = np.random.default_rng(0)

    def normal(self, name, *shape, scale=1.0):
        self[name] = (scale * self.random.standard_normal(shape)).astype(np.float32)

    def matrix(self, name, rows, columns):
        self.normal(name, rows, columns, scale=rows**-0.5)

    def ones(self, *names, size):
        self.update({name: np.ones(size, np.float32) for name in names})


def toolbox():
    module = jax()
    return module.numpy, module.nn, module.lax


def rms_norm(x, gain):
    np_, _, lax = toolbox()
    return x * lax.rsqrt(np_.mean(x * x, axis=-1, keepdims=True) + 1e-6) * gain


def layer_norm(x, gain):
    np_, _, lax = toolbox()
    return (x - np_.mean(x, axis=-1, keepdims=True)) * lax.rsqrt(np_.var(x, axis=-1, keepdims=True) + 1e-5) * gain


def short_conv(u, taps):
    np_, _, _ = toolbox()
    L, past = u.shape[1], np_.pad(u, ((0, 0), (TAPS - 1, 0), (0, 0)))
    return sum(past[:, i:i + L] * taps[:, i] for i in range(TAPS))


def scan(step, start, *sequences):
    """The outputs of lax.scan along the second dimension."""
    np_, _, lax = toolbox()
    outputs = lax.scan(step, start, tuple(np_.moveaxis(x, 1, 0) for x in sequences))[1]
    return np_.moveaxis(outputs, 0, 1)


def mamba(B, L, D):
    E, R, N = 2 * D, max(D // 16, 1), STATES
    p = Parameters()
    p.ones("gain", size=D)
    p.matrix("into", D, 2 * E), p.matrix("select", E, R + 2 * N), p.matrix("rate", R, E), p.matrix("out", E, D)
    p.normal("taps", E, TAPS, scale=0.5), p.normal("bias", E), p.normal("log_a", E, N), p.normal("skip", E)

    def block(p, x):
        np_, nn, _ = toolbox()
        u, z = np_.split(rms_norm(x, p["gain"]) @ p["into"], 2, axis=-1)
        u = nn.silu(short_conv(u, p["taps"]))
        rate, b, c = np_.split(u @ p["select"], [R, R + N], axis=-1)
        dt = nn.softplus(rate @ p["rate"] + p["bias"])
        a = -np_.exp(p["log_a"])

        def step(h, now):
            u, dt, b, c = now
            h = np_.exp(dt[..., None] * a) * h + (dt * u)[..., None] * b[:, None]
            return h, np_.einsum("ben,bn->be", h, c)
        y = scan(step, np_.zeros((len(x), E, N), x.dtype), u, dt, b, c) + p["skip"] * u
        return x + (y * nn.silu(z)) @ p["out"]
    return block, p


def s4d_parts(D):
    p = Parameters()
    p.ones("gain", size=D)
    p.normal("c_re", D, STATES), p.normal("c_im", D, STATES), p.normal("skip", D), p.matrix("gate", D, 2 * D)
    p["log_dt"] = p.random.uniform(np.log(1e-3), np.log(1e-1), D).astype(np.float32)

    def parameters(p):
        """a and c of discretised states."""
        np_, _, _ = toolbox()
        continuous = -0.5 + 1j * np.pi * np_.arange(STATES)
        z = np_.exp(p["log_dt"])[:, None] * continuous.astype(np_.result_type(p["c_re"].dtype, np.complex64))
        return np_.exp(z), (p["c_re"] + 1j * p["c_im"]) * (np_.exp(z) - 1) / continuous

    def rest(p, x, u, y):
        np_, nn, _ = toolbox()
        y, gate = np_.split(nn.gelu(y + p["skip"] * u, approximate=False) @ p["gate"], 2, axis=-1)
        return x + y * nn.sigmoid(gate)
    return p, parameters, rest


def s4d(B, L, D):
    p, parameters, rest = s4d_parts(D)

    def block(p, x):
        np_, _, _ = toolbox()
        u = layer_norm(x, p["gain"])
        a, c = parameters(p)

        def step(h, u):
            h = a * h + u[0][..., None]
            return h, 2 * np_.einsum("bdn,dn->bd", h, c).real
        return rest(p, x, u, scan(step, np_.zeros((len(x), D, STATES), a.dtype), u))
    return block, p


def s4d_by_fft(B, L, D):
    p, parameters, rest = s4d_parts(D)

    def block(p, x):
        np_, _, _ = toolbox()
        u = layer_norm(x, p["gain"])
        a, c = parameters(p)
        kernel = 2 * np_.einsum("dn,ldn->ld", c, a ** np_.arange(L)[:, None, None]).real
        spectrum = np_.fft.rfft(kernel, 2 * L, axis=0) * np_.fft.rfft(u, 2 * L, axis=1)
        return rest(p, x, u, np_.fft.irfft(spectrum, 2 * L, axis=1)[:, :L])
    return block, p


def lru(B, L, D):
    p = Parameters()
    p.ones("gain", size=D)
    p["modulus"] = p.random.uniform(0.9, 0.999, D).astype(np.float32)
    p["phase"] = p.random.uniform(0, 0.3, D).astype(np.float32)
    for name in "b_re", "b_im", "c_re", "c_im", "value", "gate":
        p.matrix(name, D, D)
    p.normal("skip", D)

    def block(p, x):
        np_, nn, lax = toolbox()
        u = layer_norm(x, p["gain"])
        a = p["modulus"] * np_.exp(1j * p["phase"])
        b = (p["b_re"] + 1j * p["b_im"]) * np_.sqrt(1 - p["modulus"]**2)
        v = u @ b
        h = lax.associative_scan(affine_pair, (np_.broadcast_to(a, v.shape), v), axis=1)[1]
        y = nn.gelu((h @ (p["c_re"] + 1j * p["c_im"])).real + p["skip"] * u)
        return x + (y @ p["value"]) * nn.sigmoid(y @ p["gate"])
    return block, p


def rwkv4(B, L, D):
    p = Parameters()
    p.ones("gain", "gain2", size=D)
    for name in "key", "value", "receptance", "out", "receptance2":
        p.matrix(name, D, D)
    p.matrix("key2", D, 4 * D), p.matrix("value2", 4 * D, D)
    p.normal("log_w", D), p.normal("bonus", D)
    for name in "mix_k", "mix_v", "mix_r", "mix_k2", "mix_r2":
        p[name] = p.random.uniform(0, 1, D).astype(np.float32)

    def block(p, x):
        np_, nn, _ = toolbox()

        def mixed(u):
            before = np_.pad(u, ((0, 0), (1, 0), (0, 0)))[:, :-1]
            return lambda name: p[name] * u + (1 - p[name]) * before
        mix = mixed(layer_norm(x, p["gain"]))
        k, v = mix("mix_k") @ p["key"], mix("mix_v") @ p["value"]
        r = nn.sigmoid(mix("mix_r") @ p["receptance"])
        w = -np_.exp(p["log_w"])

        def step(carry, now):
            (k, v), (num, den, top) = now, carry
            high = np_.maximum(top, p["bonus"] + k)
            old, new = np_.exp(top - high), np_.exp(p["bonus"] + k - high)
            y = (old * num + new * v) / (old * den + new)
            high = np_.maximum(top + w, k)
            old, new = np_.exp(top + w - high), np_.exp(k - high)
            return (old * num + new * v, old * den + new, high), y
        zero = np_.zeros_like(x[:, 0])
        x = x + (r * scan(step, (zero, zero, zero - 1e38), k, v)) @ p["out"]
        mix = mixed(layer_norm(x, p["gain2"]))
        k = np_.square(nn.relu(mix("mix_k2") @ p["key2"]))
        return x + nn.sigmoid(mix("mix_r2") @ p["receptance2"]) * (k @ p["value2"])
    return block, p


def griffin(B, L, D):
    p = Parameters()
    p.ones("gain", size=D)
    for name in "gate", "into", "recurrence", "input", "out":
        p.matrix(name, D, D)
    p.normal("taps", D, TAPS, scale=0.5), p.normal("log_a", D)

    def block(p, x):
        np_, nn, lax = toolbox()
        u = rms_norm(x, p["gain"])
        gate, v = nn.gelu(u @ p["gate"]), short_conv(u @ p["into"], p["taps"])
        log_a = -8 * nn.sigmoid(v @ p["recurrence"]) * nn.softplus(p["log_a"])
        v = np_.sqrt(1 - np_.exp(2 * log_a)) * nn.sigmoid(v @ p["input"]) * v
        h = lax.associative_scan(affine_pair, (np_.exp(log_a), v), axis=1)[1]
        return x + (h * gate) @ p["out"]
    return block, p


def gated_linear_attention(B, L, D):
    p = Parameters()
    p.ones("gain", size=D), p.ones("gain2", size=D // HEADS)
    for name in "query", "key", "value", "decay", "gate", "out":
        p.matrix(name, D, D)

    def block(p, x):
        np_, nn, _ = toolbox()
        u = rms_norm(x, p["gain"])

        def heads(name):
            return (u @ p[name]).reshape(B, L, HEADS, D // HEADS)
        decay = np_.exp(nn.log_sigmoid(heads("decay")) / 16)

        def step(state, now):
            q, k, v, a = now
            state = a[..., None] * state + k[..., None] * v[..., None, :]
            return state, np_.einsum("bhk,bhkv->bhv", q, state)
        start = np_.zeros((B, HEADS, D // HEADS, D // HEADS), x.dtype)
        y = scan(step, start, heads("query") * (D // HEADS)**-0.5, heads("key"), heads("value"), decay)
        return x + (rms_norm(y, p["gain2"]).reshape(x.shape) * nn.silu(u @ p["gate"])) @ p["out"]
    return block, p


def min_gru(B, L, D):
    p = Parameters()
    p.ones("gain", "gain2", size=D)
    for name in "update", "candidate", "out":
        p.matrix(name, D, D)
    p.matrix("up", D, 4 * D), p.matrix("down", 4 * D, D), p.normal("bias", 4 * D)

    def block(p, x):
        np_, nn, _ = toolbox()
        u = rms_norm(x, p["gain"])

        def step(h, now):
            z, candidate = now
            h = (1 - z) * h + z * candidate
            return h, h
        h = scan(step, np_.zeros_like(x[:, 0]), nn.sigmoid(u @ p["update"]), np_.tanh(u @ p["candidate"]))
        x = x + h @ p["out"]
        return x + nn.gelu(rms_norm(x, p["gain2"]) @ p["up"] + p["bias"], approximate=False) @ p["down"]
    return block, p


BLOCKS = {"Mamba": mamba, "S4D": s4d, "S4D by FFT": s4d_by_fft, "LRU": lru, "RWKV-4": rwkv4, "Griffin": griffin,
          "gated linear attention": gated_linear_attention, "minGRU": min_gru}
