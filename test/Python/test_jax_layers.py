"""S5 and LRU layers from their public equations, trained on scikit-learn's digits read as sequences, with and without
the package: the same losses and the same gradients.

S5: Smith et al., arXiv 2208.04933. LRU: Orvieto et al., arXiv 2303.06349.
"""

import numpy as np
import pytest
from mlir_ssm._compile import core

jax = pytest.importorskip("jax", reason="jax is not installed")
datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
if not hasattr(core(), "xla_handler"):
    pytest.skip("this build of mlir_ssm had no headers of XLA", allow_module_level=True)
import jax.numpy as jnp
import mlir_ssm.jax as ssm

STATES, WIDTH, BATCH, STEPS = 16, 12, 64, 12


def scan_states(a, drive):
    """h_t = a h_{t-1} + drive_t along axis 1 by jax.lax."""
    whole = jnp.broadcast_to(a, drive.shape)
    return jax.lax.associative_scan(lambda l, r: (r[0] * l[0], r[0] * l[1] + r[1]), (whole, drive), axis=1)[1]


def ours(a, b, c, u):
    return ssm.state_space("n,ni,on,bti->bto", a, b, c, u, output="real")[0]


def plain(a, b, c, u):
    return jnp.real(scan_states(a, u @ b.T) @ c.T)


def s5(layer, p, u):
    """lambda, B and C in continuous time; zero-order hold with a step for each state."""
    a = -jnp.exp(p["log_decay"]) + 1j * p["frequency"]
    step = jnp.exp(p["log_step"])
    a_bar = jnp.exp(a * step)
    b_bar = ((a_bar - 1) / a)[:, None] * (p["b_re"] + 1j * p["b_im"])
    return layer(a_bar, b_bar, 2 * (p["c_re"] + 1j * p["c_im"]), u) + p["d"] * u


def lru(layer, p, u):
    """lambda = exp(-exp(nu) + i exp(theta)), and the input scaled by sqrt(1 - |lambda|^2)."""
    modulus = jnp.exp(-jnp.exp(p["log_decay"]))
    a = modulus * jnp.exp(1j * p["frequency"])
    b = jnp.sqrt(1 - modulus**2)[:, None] * (p["b_re"] + 1j * p["b_im"])
    return layer(a, b, p["c_re"] + 1j * p["c_im"], u) + p["d"] * u


def parameters():
    rng = np.random.default_rng(7)

    def normal(*shape, scale=1.0):
        return jnp.asarray(scale * rng.standard_normal(shape), jnp.float32)
    return {"log_decay": normal(STATES, scale=0.3) - 1, "frequency": normal(STATES), "log_step": normal(STATES, scale=0.3) - 2,
            "b_re": normal(STATES, WIDTH, scale=0.2), "b_im": normal(STATES, WIDTH, scale=0.2),
            "c_re": normal(WIDTH, STATES, scale=0.2), "c_im": normal(WIDTH, STATES, scale=0.2), "d": normal(WIDTH),
            "encode": normal(1, WIDTH), "decode": normal(WIDTH, 10, scale=0.3)}


def train(model, layer):
    """The loss before each step, the gradients at the first, and the share of digits that are recognized at the end."""
    digits = datasets.load_digits()
    x = jnp.asarray(digits.data[:, :, None] / 16, jnp.float32)
    labels = jnp.asarray(digits.target)

    def scores(p, x):
        return jax.nn.gelu(model(layer, p, x @ p["encode"])).mean(1) @ p["decode"]

    def loss(p, x, y):
        return -jnp.take_along_axis(jax.nn.log_softmax(scores(p, x)), y[:, None], 1).mean()
    step = jax.jit(jax.value_and_grad(loss))
    p, losses, first = parameters(), [], None
    speed = jax.tree.map(jnp.zeros_like, p)
    for i in range(STEPS):
        at = slice(i * BATCH, (i + 1) * BATCH)
        value, grads = step(p, x[at], labels[at])
        losses.append(float(value))
        first = first or grads
        speed = jax.tree.map(lambda s, g: 0.9 * s - 0.05 * g, speed, grads)
        p = jax.tree.map(jnp.add, p, speed)
    return losses, first


@pytest.mark.parametrize("model", [s5, lru], ids=lambda m: m.__name__)
def test_digits(model):
    losses, grads = train(model, ours)
    expected, wanted = train(model, plain)
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(losses, expected, atol=1e-4)
    for name, grad in grads.items():
        scale = max(float(jnp.linalg.norm(wanted[name])), 1e-3)
        assert float(jnp.linalg.norm(grad - wanted[name])) <= 1e-5 * scale, name
