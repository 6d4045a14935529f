"""ssm.nonlinear_recurrence: vanilla RNN, GRU and LSTM equal their equations."""

import numpy as np
import pytest
from harness import DTYPES, run
from mlir_text import affine, norm, tensor

# Bounds on |result - oracle| / |oracle|, L2 over all states. The states of
# these networks contract, so that the error of a step is what adds up.
BARS = {"f32": 4e-7, "f64": 1e-15}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Text:
    """Lines of a region's body over tensors of one element type."""

    def __init__(self, dtype):
        self.dtype, self.lines, self.count = dtype, [], 0

    def op(self, text, type_):
        self.count += 1
        self.lines.append(f"%v{self.count} = {text} : {type_}")
        return f"%v{self.count}"

    def constant(self, value, type_):
        return self.op(f"arith.constant dense<{value}>", type_)

    def matmul(self, x, w, out, types):
        self.count += 1
        self.lines.append(f"%v{self.count} = linalg.matmul ins({x}, {w} : {types[0]}, {types[1]}) "
                          f"outs({out} : {types[2]}) -> {types[2]}")
        return f"%v{self.count}"

    def slice(self, x, start, size, source, batch):
        b = "%batch" if batch == "?" else batch
        return self.op(f"tensor.extract_slice {x}[0, {start}] [{b}, {size}] [1, 1]",
                       f"{source} to {tensor([batch, size], self.dtype)}")

    def sigmoid(self, x, type_):
        """1 / (1 + exp(-x)) without a constant, whose size may be unknown: (1 + tanh(x / 2)) / 2
        would need one too, so exp(0) = 1 comes from x - x."""
        e = self.op(f"math.exp {self.op(f'arith.negf {x}', type_)}", type_)
        one = self.op(f"math.exp {self.op(f'arith.subf {x}, {x}', type_)}", type_)
        return self.op(f"arith.divf {one}, {self.op(f'arith.addf {one}, {e}', type_)}", type_)


class RNN:
    """x_t = tanh(x_{t-1} W + u_t)"""
    states, gates = 1, 1

    @staticmethod
    def step(states, u, w):
        return (np.tanh(states[0] @ w + u),)

    @staticmethod
    def body(t, b, h):
        s = tensor([b, h], t.dtype)
        z = t.matmul("%s0", "%w", "%ut", (s, tensor([h, h], t.dtype), s))
        return [t.op(f"math.tanh {z}", s)]


class GRU:
    """r, z = sigmoid; n = tanh(u_n + r (x W_n)); x' = (1 - z) n + z x = n + z (x - n)"""
    states, gates = 1, 3

    @staticmethod
    def step(states, u, w):
        (x,), h = states, w.shape[0]
        p = x @ w
        r, z = sigmoid(u[:, :h] + p[:, :h]), sigmoid(u[:, h:2 * h] + p[:, h:2 * h])
        n = np.tanh(u[:, 2 * h:] + r * p[:, 2 * h:])
        return ((1 - z) * n + z * x,)

    @staticmethod
    def body(t, b, h):
        s, g, w = tensor([b, h], t.dtype), tensor([b, 3 * h], t.dtype), tensor([h, 3 * h], t.dtype)
        zero = t.op("arith.subf %ut, %ut", g)
        p = t.matmul("%s0", "%w", zero, (s, w, g))
        ps, us = ([t.slice(x, k * h, h, g, b) for k in range(3)] for x in (p, "%ut"))
        r, z = (t.sigmoid(t.op(f"arith.addf {us[k]}, {ps[k]}", s), s) for k in range(2))
        scaled = t.op(f"arith.mulf {r}, {ps[2]}", s)
        n = t.op(f"math.tanh {t.op(f'arith.addf {us[2]}, {scaled}', s)}", s)
        moved = t.op(f"arith.mulf {z}, {t.op(f'arith.subf %s0, {n}', s)}", s)
        return [t.op(f"arith.addf {n}, {moved}", s)]


class LSTM:
    """i, f, o = sigmoid, g = tanh; c' = f c + i g; x' = o tanh(c')"""
    states, gates = 2, 4

    @staticmethod
    def step(states, u, w):
        x, c = states
        i, f, g, o = np.split(x @ w + u, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c

    @staticmethod
    def body(t, b, h):
        s, g, w = tensor([b, h], t.dtype), tensor([b, 4 * h], t.dtype), tensor([h, 4 * h], t.dtype)
        z = t.matmul("%s0", "%w", "%ut", (s, w, g))
        i, f, n, o = (t.slice(z, k * h, h, g, b) for k in range(4))
        i, f, o = (t.sigmoid(x, s) for x in (i, f, o))
        kept = t.op(f"arith.mulf {f}, %s1", s)
        new = t.op(f"arith.mulf {i}, {t.op(f'math.tanh {n}', s)}", s)
        c = t.op(f"arith.addf {kept}, {new}", s)
        return [t.op(f"arith.mulf {o}, {t.op(f'math.tanh {c}', s)}", s), c]


def program(model, dtype, b, length, h, order="bth", backward=False, dynamic="", attributes=""):
    """@f(u, w, init...) -> (states..., finals..., iterations, residual)"""
    sizes = {"b": b, "t": length, "h": h}
    sizes.update({k: "?" for k in dynamic})
    text = Text(dtype)
    nexts = model.body(text, sizes["b"], h)
    u = tensor([sizes["b"], sizes["t"], model.gates * h], dtype)
    w = tensor([h, model.gates * h], dtype)
    s, g = tensor([sizes["b"], h], dtype), tensor([sizes["b"], model.gates * h], dtype)
    xs = tensor([sizes[k] for k in order], dtype)
    n = model.states
    # The gates are a dimension of their own unless there is one for each state.
    dims = "bth" if model.gates == 1 else "bthg"
    maps = ["btg" if model.gates > 1 else "bth"] + ["bh"] * n + [order] * n + ["bh"] * n
    maps = ", ".join(affine(dims, m) for m in maps)
    direction = "backward" if backward else "forward"
    names = [f"%x{i}" for i in range(n)] + [f"%l{i}" for i in range(n)] + ["%n", "%r"]
    types = [xs] * n + [s] * n + ["i64", "f64"]
    inits = ", ".join(f"%h{i}" for i in range(n))
    arguments = ", ".join([f"%s{i}: {s}" for i in range(n)] + [f"%ut: {g}"])
    body = "\n    ".join(text.lines)
    return f"""
func.func @f(%u: {u}, %w: {w}, {', '.join(f'%h{i}: {s}' for i in range(n))}) -> ({', '.join(types)}) {{
  %zero = arith.constant 0 : index
  %batch = tensor.dim %u, %zero : {u}
  {', '.join(names)} = ssm.nonlinear_recurrence signals(%u : {u}) init({inits} : {', '.join([s] * n)})
      {{indexing_maps = [{maps}], time = 1 : i64, direction = #ssm.direction<{direction}>{attributes}}}
      -> ({', '.join([xs] * n)}), ({', '.join([s] * n)}) {{
  ^bb0({arguments}):
    {body}
    ssm.yield {', '.join(nexts)} : {', '.join([s] * n)}
  }}
  return {', '.join(names)} : {', '.join(types)}
}}"""


def data(model, dtype, b, length, h, seed=0):
    rng = np.random.default_rng([seed, b, length, h])
    u = rng.standard_normal((b, length, model.gates * h))
    w = rng.standard_normal((h, model.gates * h)) * 0.5 / np.sqrt(h)
    inits = [rng.standard_normal((b, h)) for _ in range(model.states)]
    return [np.ascontiguousarray(x.astype(DTYPES[dtype])) for x in (u, w, *inits)]


def oracle(model, inputs, order="bth", backward=False):
    u, w, *states = (x.astype(np.longdouble) for x in inputs)
    b, length, _ = u.shape
    all_states = np.zeros((model.states, b, length, w.shape[0]), np.longdouble)
    for t in range(length)[::-1 if backward else 1]:
        states = model.step(states, u[:, t], w)
        all_states[:, :, t] = states
    return [np.einsum(f"bth->{order}", x) for x in all_states] + list(states)


def check(model, dtype, shape, results, inputs, order="bth", backward=False):
    want = oracle(model, inputs, order, backward)
    for got, expected in zip(results, want, strict=True):
        assert got.shape == expected.shape
        error = norm(got - expected) / (norm(expected) or 1)
        assert error <= BARS[dtype], f"{model.__name__} {dtype} {shape} {order}: off by {error:.2e}"


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("model", [RNN, GRU, LSTM])
def test_equals_the_equations(model, dtype):
    for shape, order, backward, dynamic in [
            ((2, 0, 5), "bth", False, ""), ((1, 1, 1), "bth", False, ""), ((3, 70, 8), "bth", True, ""),
            ((2, 33, 16), "tbh", False, "t"), ((4, 50, 7), "htb", True, "bt"), ((2, 300, 32), "bth", False, "")]:
        inputs = data(model, dtype, *shape)
        *results, iterations, residual = run(program(model, dtype, *shape, order, backward, dynamic), *inputs)
        check(model, dtype, shape, results, inputs, order, backward)
        assert (iterations, residual) == (0, 0)


# Residual asked of Newton's method, about ten units of the largest state, and
# the bound on the error that it leaves.
TOLERANCES = {"f32": 1e-6, "f64": 2e-15}
NEWTON_BARS = {"f32": 1e-6, "f64": 4e-15}


def newton(tolerance, most=32, row=True):
    return f", tolerance = {tolerance:e} : f64, max_iterations = {most} : i64" + (", row = 2 : i64" if row else "")


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("model", [RNN, GRU, LSTM])
def test_newton_equals_the_equations(model, dtype):
    for shape, order, backward, dynamic in [
            ((2, 0, 5), "bth", False, "t"), ((1, 1, 1), "bth", False, ""), ((2, 70, 5), "bth", True, ""),
            ((3, 33, 4), "tbh", False, "t"), ((2, 40, 3), "htb", True, "bt"), ((1, 400, 6), "bth", False, "")]:
        inputs = data(model, dtype, *shape)
        text = program(model, dtype, *shape, order, backward, dynamic, newton(TOLERANCES[dtype]))
        *results, iterations, residual = run(text, *inputs)
        assert residual <= TOLERANCES[dtype]
        assert 1 <= iterations <= 12
        for got, want in zip(results, oracle(model, inputs, order, backward), strict=True):
            assert norm(got - want) <= NEWTON_BARS[dtype] * norm(want)


def test_newton_gives_up_and_the_loop_takes_over():
    """Too few iterations, and weights so large that the iterates overflow."""
    shape = 2, 60, 4
    u, w, x0 = data(RNN, "f32", *shape)
    for scale, most in ((1, 1), (1, 2), (40, 6)):
        inputs = u, (scale * w).astype(np.float32), x0
        *want, zero, exact = run(program(RNN, "f32", *shape), *inputs)
        *results, iterations, residual = run(program(RNN, "f32", *shape, attributes=newton(1e-6, most)), *inputs)
        assert (zero, exact) == (0, 0)
        assert 1 <= iterations <= most
        assert not residual <= 1e-6
        for got, expected in zip(results, want, strict=True):
            np.testing.assert_array_equal(got, expected)


class Elementwise:
    """x_t = tanh(x_{t-1}) + u_t: without a row, every element is a recurrence of its own."""
    states, gates = 1, 1

    @staticmethod
    def step(states, u, w):
        return (np.tanh(states[0]) + u,)

    @staticmethod
    def body(t, b, h):
        s = tensor([b, h], t.dtype)
        return [t.op(f"arith.addf {t.op('math.tanh %s0', s)}, %ut", s)]


class Ceiling(Elementwise):
    """A step without a derivative."""
    @staticmethod
    def step(states, u, w):
        return (np.ceil(states[0]) * 0.5 + u,)

    @staticmethod
    def body(t, b, h):
        s = tensor([b, h], t.dtype)
        half = t.op(f"arith.mulf {t.op('math.ceil %s0', s)}, {t.constant(0.5, s)}", s)
        return [t.op(f"arith.addf {half}, %ut", s)]


def test_newton_without_a_row():
    inputs = data(Elementwise, "f64", 3, 200, 4)
    text = program(Elementwise, "f64", 3, 200, 4, attributes=newton(1e-14, row=False))
    *results, iterations, residual = run(text, *inputs)
    assert 1 <= iterations <= 12 and residual <= 1e-14
    for got, want in zip(results, oracle(Elementwise, inputs), strict=True):
        assert norm(got - want) <= 1e-14 * norm(want)


def test_newton_without_a_derivative_is_the_loop():
    inputs = data(Ceiling, "f64", 3, 50, 4)
    *results, iterations, residual = run(program(Ceiling, "f64", 3, 50, 4, attributes=newton(1e-14, row=False)), *inputs)
    assert (iterations, residual) == (0, 0)
    check(Ceiling, "f64", "", results, inputs)


def test_steps_that_are_affine_are_a_linear_recurrence():
    """x = (1 - g) x + g u by the fold, under each strategy of the linear op."""
    text = """
#td = affine_map<(t, d) -> (t, d)>
#d = affine_map<(t, d) -> (d)>
func.func @f(%g: tensor<300x8xf64>, %u: tensor<300x8xf64>, %x0: tensor<8xf64>) -> (tensor<300x8xf64>, tensor<8xf64>) {
  %one = arith.constant dense<1.0> : tensor<8xf64>
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%g, %u : tensor<300x8xf64>, tensor<300x8xf64>) init(%x0 : tensor<8xf64>)
      {indexing_maps = [#td, #td, #d, #td, #d], time = 0 : i64}
      -> (tensor<300x8xf64>), (tensor<8xf64>) {
  ^bb0(%s: tensor<8xf64>, %gt: tensor<8xf64>, %ut: tensor<8xf64>):
    %k = arith.subf %one, %gt : tensor<8xf64>
    %p = arith.mulf %s, %k : tensor<8xf64>
    %q = arith.mulf %gt, %ut : tensor<8xf64>
    %z = arith.addf %q, %p : tensor<8xf64>
    ssm.yield %z : tensor<8xf64>
  }
  return %x, %l : tensor<300x8xf64>, tensor<8xf64>
}"""
    rng = np.random.default_rng(1)
    g, u, x0 = rng.uniform(0, 1, (300, 8)), rng.standard_normal((300, 8)), rng.standard_normal(8)
    x = x0.astype(np.longdouble)
    want = np.array([x := (1 - g[t]) * x + g[t] * u[t] for t in range(300)])
    for strategy in ("sequential", "tree_scan"):
        states, last = run(text, g, u, x0, strategy=strategy)
        assert norm(states - want) <= 1e-15 * norm(want)
        assert norm(last - want[-1]) <= 1e-15 * norm(want[-1])
