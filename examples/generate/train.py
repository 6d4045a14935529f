#!/usr/bin/env python3
"""Trains the model of model.py on licenses and writes weights.npz: minutes on two cores.

    train.py [--steps 1200] [--batch 4] [--length 256] [-o weights.npz]

mlir_ssm.jax convolves the signal of each S4D layer with its kernel. More steps make the model repeat the licenses word
for word, and worse at texts that it has not seen. The weights are stored in 16 bits.
"""

import argparse
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import mlir_ssm.jax as ssm
import numpy as np
from model import HELD_BACK, LAYERS, SHAPES, STATES, TRAINING, WEIGHTS, WIDTH, read

PEAK_RATE, WARM_UP, DECAY = 3e-3, 100, 0.05
CHUNK = 16


def initial(rng):
    """S4D-Lin: decays of 1/2, frequencies pi n, and steps between 0.001 and 0.1."""
    def normal(name, scale):
        return scale * rng.standard_normal(SHAPES[name])
    p = {name: np.zeros(shape) for name, shape in SHAPES.items()}
    p["scale"] += 1
    p["last_scale"] += 1
    p["log_step"] += rng.uniform(np.log(1e-3), np.log(1e-1), p["log_step"].shape)
    p["log_decay"] += np.log(0.5)
    p["frequency"] += np.pi * np.arange(STATES)
    p |= {"embedding": normal("embedding", 0.5), "c_re": normal("c_re", 0.7), "c_im": normal("c_im", 0.7),
          "skip": normal("skip", 1), "logits": normal("logits", WIDTH**-0.5)}
    p |= {name: normal(name, WIDTH**-0.5) for name in ("value", "gate")}
    return {name: jnp.asarray(x, jnp.float32) for name, x in p.items()}


def norm(x, scale, shift):
    x = x - x.mean(-1, keepdims=True)
    return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-5) * scale + shift


def s4d(p, u):
    """p of one layer, u [batch, time, channel]."""
    a = -jnp.exp(p["log_decay"]) + 1j * p["frequency"]
    da = jnp.exp(p["log_step"])[:, None] * a
    weight = (p["c_re"] + 1j * p["c_im"]) * jnp.expm1(da) / a
    # The power of lag CHUNK q + r is one of 0, CHUNK, 2 CHUNK, ... times one of 0 .. CHUNK-1.
    late = jnp.exp(da[..., None] * jnp.arange(0, u.shape[1], CHUNK))
    early = jnp.exp(da[..., None] * jnp.arange(CHUNK))
    kernel = 2 * jnp.einsum("hnq,hnr->hqr", weight[..., None] * late, early).real
    return ssm.long_conv(u, kernel.reshape(WIDTH, -1), axis=1) + p["skip"] * u


def logits(p, text):
    x = p["embedding"][text]
    for i in range(LAYERS):
        layer = {name: w[i] for name, w in p.items() if w.shape[0] == LAYERS}
        s = jax.nn.silu(s4d(layer, norm(x, layer["scale"], layer["shift"])))
        x += (s @ layer["value"] + layer["value_bias"]) * jax.nn.sigmoid(s @ layer["gate"] + layer["gate_bias"])
    return norm(x, p["last_scale"], p["last_shift"]) @ p["logits"]


def loss(p, text):
    """Mean negative log-likelihood of all characters of [batch, time] but the first."""
    log = jax.nn.log_softmax(logits(p, text[:, :-1]))
    return -jnp.take_along_axis(log, text[:, 1:, None], -1).mean()


def adam(p, moments, grads, step, rate):
    """Adam with weight decay on matrices."""
    def update(w, m, v, g, matrix):
        m, v = 0.9 * m + 0.1 * g, 0.98 * v + 0.02 * g * g
        change = (m / (1 - 0.9**step)) / (jnp.sqrt(v / (1 - 0.98**step)) + 1e-8)
        return w - rate * (change + (DECAY * w if matrix else 0)), m, v
    new = {k: update(p[k], *moments[k], grads[k], k in ("value", "gate")) for k in p}
    return {k: w for k, (w, _, _) in new.items()}, {k: (m, v) for k, (_, m, v) in new.items()}


@jax.jit
def train_step(p, moments, text, step, rate):
    value, grads = jax.value_and_grad(loss)(p, text)
    size = jnp.sqrt(sum((g * g).sum() for g in grads.values()))
    grads = {k: g / jnp.maximum(1, size) for k, g in grads.items()}
    return value, *adam(p, moments, grads, step, rate)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("-o", "--output", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    text, held_back = read(*TRAINING), read(HELD_BACK)
    windows = held_back[:16 * (options.length + 1)].reshape(-1, options.length + 1)
    p = initial(rng)
    moments = {k: (jnp.zeros_like(w), jnp.zeros_like(w)) for k, w in p.items()}
    print(f"{sum(w.size for w in p.values())} parameters, {len(text)} characters", flush=True)
    start = time.monotonic()
    for step in range(1, options.steps + 1):
        first = rng.integers(0, len(text) - options.length, options.batch)
        batch = np.stack([text[i:i + options.length + 1] for i in first])
        rate = PEAK_RATE * min(step / WARM_UP, 0.5 + 0.5 * np.cos(np.pi * step / options.steps))
        value, p, moments = train_step(p, moments, batch, step, rate)
        if step % 50 == 0:
            print(f"step {step}: {value / np.log(2):.3f} bits a character, held back "
                  f"{jax.jit(loss)(p, windows) / np.log(2):.3f}, {time.monotonic() - start:.0f} s", flush=True)
            np.savez_compressed(options.output, **{k: np.asarray(w, np.float16) for k, w in p.items()})


if __name__ == "__main__":
    main()
