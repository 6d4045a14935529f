"""mlir_ssm.torch against loops in plain PyTorch: values, gradients, batches, and what compilers and exporters see."""

import io

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
import mlir_ssm.torch as ssm
from pages import run_python

torch.manual_seed(5)


def numbers(*shape, dtype=torch.float64, scale=1.0):
    return scale * torch.randn(shape, dtype=dtype)


def close(got, want, tol=1e-12):
    got, want = ([x] if isinstance(x, torch.Tensor) else list(x) for x in (got, want))
    for g, w in zip(got, want, strict=True):
        assert g.shape == w.shape and g.dtype == w.dtype
        if g.numel():
            assert (g - w).abs().max() <= tol * max(w.abs().max(), 1)


def loop(spec, a, b, c, u, init=None, output="none", reverse=False, read="after"):
    """state_space one step after another; the reference of this file."""
    operands, y = spec.split("->")
    letters = operands.split(",")
    sizes = {k: n for m, x in zip(letters, (a, b, c, u)) for k, n in zip(m, x.shape)}
    ma, mb, mc, mu = letters
    state = "".join(k for k in dict.fromkeys("".join(letters) + y)
                    if k != "t" and (k in ma or (k in mb + mu) == (k in mc + y)))
    dtype = torch.promote_types(torch.promote_types(a.dtype, b.dtype), u.dtype)
    h = torch.zeros([sizes[k] for k in state], dtype=dtype) if init is None else init.to(dtype)

    def at(m, x, t):
        return m.replace("t", ""), (x.select(m.index("t"), t) if "t" in m else x).to(dtype)

    ys = [None] * sizes["t"]
    for t in range(sizes["t"])[::-1] if reverse else range(sizes["t"]):
        (la, at_), (lb, bt), (lc, ct), (lu, ut) = (at(m, x, t) for m, x in zip(letters, (a, b, c, u)))
        before = h
        ones = torch.ones_like(h)
        h = (torch.einsum(f"{la},{state}->{state}", at_, h) +
             torch.einsum(f"{lb},{lu},{state}->{state}", bt, ut, ones))
        seen = torch.einsum(f"{lc},{state}->{y.replace('t', '')}", ct, before if read == "before" else h)
        ys[t] = {"none": lambda z: z, "real": lambda z: z.real, "twice_real": lambda z: 2 * z.real}[output](seen)
    return torch.stack(ys, y.index("t")), h


def states_of(a, x, init=None, reverse=False):
    """Of x [batch, time, state], with a transition that is diagonal, or [batch, time, state, state]."""
    h = torch.zeros_like(x[:, 0]) if init is None else init.expand(x[:, 0].shape)
    hs = [None] * x.shape[1]
    for t in range(x.shape[1])[::-1] if reverse else range(x.shape[1]):
        moved = torch.einsum("bij,bj->bi", a[:, t], h) if a.ndim == 4 else a[:, t] * h
        hs[t] = h = moved + x[:, t]
    return torch.stack(hs, 1), h


def same_gradients(f, g, *operands, tol=1e-11):
    """f and g, their gradients, and the gradients of a sum of squares of these."""
    weights = None
    for fn in (f, g):
        xs = [x.detach().requires_grad_() for x in operands]
        results = fn(*xs)
        results = [results] if isinstance(results, torch.Tensor) else list(results)
        weights = weights or [torch.randn_like(y) for y in results]
        loss = sum((w * y.sin()).real.sum() for w, y in zip(weights, results))
        first = torch.autograd.grad(loss, xs, create_graph=True)
        second = torch.autograd.grad(sum((d.abs() ** 2).sum() for d in first), xs)
        found = [*results, *first, *second]
        if fn is f:
            ours = found
    close(ours, found, tol)


SPECS = {
    "S4D": ("hn,hn,hn,bth->bth", torch.complex128, "twice_real"),
    "S5": ("n,ni,on,bti->bto", torch.complex128, "real"),
    "Mamba-1": ("bthn,bthn,btn,bth->bth", torch.float64, "none"),
    "Mamba-2": ("bth,btn,btn,bthp->bthp", torch.float64, "none"),
    "gated": ("bthk,bthk,bthk,bthv->bthv", torch.complex128, "none"),
}
SIZES = dict(b=2, t=4, h=3, n=4, i=2, o=3, p=2, k=2, v=3)


def space(name):
    spec, dtype, output = SPECS[name]
    *params, u = spec.split("->")[0].split(",")
    arrays = [numbers(*(SIZES[k] for k in m), dtype=dtype, scale=0.5) for m in params]
    return spec, output, [*arrays, numbers(*(SIZES[k] for k in u), dtype=torch.float64 if output != "none" else dtype)]


@pytest.mark.parametrize("name,reverse,read", [
    *((name, False, "after") for name in SPECS), ("S4D", True, "after"), ("S5", False, "before"),
    ("Mamba-1", True, "before")])
def test_state_space(name, reverse, read):
    spec, output, operands = space(name)
    options = dict(output=output, reverse=reverse, read=read)
    same_gradients(lambda *xs: ssm.state_space(spec, *xs, **options), lambda *xs: loop(spec, *xs, **options), *operands)


def test_feedthrough_and_init():
    spec, output, operands = space("S4D")
    d, init = numbers(3), numbers(3, 4, 2, dtype=torch.complex128)  # final is hnb

    def plain(d, init, *xs):
        y, final = loop(spec, *xs, init=init, output=output)
        return y + d * xs[3], final
    same_gradients(lambda d, init, *xs: ssm.state_space(spec, *xs, d, init=init, output=output), plain, d, init,
                   *operands)


@pytest.mark.parametrize("name,reverse,read", [("Mamba-1", True, "after"), ("Mamba-2", False, "before"),
                                               ("gated", True, "after"), ("gated", False, "before"), ("S4D", True, "before")])
def test_gradient_with_init(name, reverse, read):
    """Also of the last state."""
    spec, output, operands = space(name)
    shape = ssm.state_space(spec, *operands, output=output)[1].shape
    options = dict(output=output, reverse=reverse, read=read)
    same_gradients(lambda init, *xs: ssm.state_space(spec, *xs, init=init, **options),
                   lambda init, *xs: loop(spec, *xs, init=init, **options), numbers(*shape, dtype=operands[0].dtype),
                   *operands)


def test_gradient_with_complex_outputs():
    """Of real states."""
    a, b, u = numbers(2, 4, 3, scale=0.5), numbers(3, 2), numbers(2, 4, 3)
    c = numbers(4, 3, 2, dtype=torch.complex128)
    spec = "bth,hn,thn,bth->bth"

    def plain(a, b, c, u):
        (real, final), (imaginary, _) = (loop(spec, a, b, x, u) for x in (c.real, c.imag))
        return torch.complex(real, imaginary), final
    same_gradients(lambda *xs: ssm.state_space(spec, *xs), plain, a, b, c, u)


def test_gradient_stores_no_states(monkeypatch):
    """Of matrices of states, but for those that the transition's cotangent multiplies."""
    spec, _, (a, b, c, u) = space("Mamba-2")
    sizes = []
    launch = ssm.launch
    monkeypatch.setattr(ssm, "launch", lambda op, xs: [sizes.append(y.numel()) or y for y in launch(op, xs)])
    for varies in (False, True):
        sizes.clear()
        xs = [x.requires_grad_() for x in ((a,) if varies else ()) + (b, c, u)]
        torch.autograd.grad(ssm.state_space(spec, a, b, c, u)[0].sum(), xs)
        assert sum(n == u.numel() * b.shape[-1] for n in sizes) == varies


@pytest.mark.parametrize("shape,reverse,dtype", [
    ((), False, torch.float64), ((3,), True, torch.complex128), ((4, 3), True, torch.float64),
    ((2, 1, 3), False, torch.float64), ((2, 4, 3), False, torch.complex128), ((2, 4, 3), True, torch.float64)])
def test_linear_recurrence(shape, reverse, dtype):
    a, x, init = numbers(*shape, dtype=dtype, scale=0.5), numbers(2, 4, 3, dtype=dtype), numbers(3, dtype=dtype)
    same_gradients(lambda a, x, init: ssm.linear_recurrence(a, x, init=init, reverse=reverse),
                   lambda a, x, init: states_of(a.expand(x.shape), x, init, reverse), a, x, init)


@pytest.mark.parametrize("shape", [(3, 3), (4, 3, 3), (2, 4, 3, 3)])
def test_dense(shape):
    a, x = numbers(*shape, scale=0.4), numbers(2, 4, 3)
    same_gradients(lambda a, x: ssm.linear_recurrence(a, x, transition="dense"),
                   lambda a, x: states_of(a.expand(2, 4, 3, 3), x), a, x)


@pytest.mark.parametrize("mode", ["causal", "two_sided", "circular"])
@pytest.mark.parametrize("taps", [1, 3, 7])
def test_long_conv(mode, taps):
    length = 5
    taps = {"two_sided": 2 * length - 1, "circular": min(taps, length)}.get(mode, taps)
    t, s = torch.arange(length)[:, None], torch.arange(length)
    lag = {"causal": t - s, "two_sided": t - s + length - 1, "circular": (t - s) % length}[mode]

    def plain(u, k):
        matrix = torch.where((lag >= 0) & (lag < taps), k[:, lag.clip(0, taps - 1)], 0)
        return torch.einsum("hts,bhs->bht", matrix, u)
    same_gradients(lambda u, k: ssm.long_conv(u, k, mode=mode), plain, numbers(2, 3, length), numbers(3, taps))


def affine(left, right):
    return right[0] * left[0], left[1] * right[0] + right[1]


@pytest.mark.parametrize("fn,plain,axis,reverse", [
    (torch.add, torch.cumsum, 0, False), (lambda l, r: r + l, torch.cumsum, 1, True),
    (torch.mul, torch.cumprod, 0, True), (torch.maximum, lambda x, axis: x.cummax(axis).values, 0, True),
    (torch.minimum, lambda x, axis: x.cummin(axis).values, -1, False)])
def test_associative_scan(fn, plain, axis, reverse):
    def turned(x):
        return plain(x.flip(axis), axis).flip(axis) if reverse else plain(x, axis)
    same_gradients(lambda x: ssm.associative_scan(fn, x, axis=axis, reverse=reverse), turned, numbers(5, 4))


def test_scan_of_affine_pairs():
    same_gradients(lambda a, x: ssm.associative_scan(affine, (a, x), axis=1),
                   lambda a, x: (a.cumprod(1), states_of(a, x)[0]), numbers(2, 5, 3), numbers(2, 5, 3))


@pytest.mark.parametrize("fn", [lambda l, r: l * r + l, torch.logaddexp])
def test_unknown_combiner(fn):
    with pytest.raises(ValueError, match="fn: expected a sum"):
        ssm.associative_scan(fn, numbers(3))


@pytest.mark.parametrize("dtype,tol", [(torch.float32, 2e-6), (torch.complex64, 2e-6), (torch.bfloat16, 2e-2),
                                       (torch.float16, 3e-3)])
def test_dtypes(dtype, tol):
    kind = torch.complex64 if dtype.is_complex else torch.float32
    wide = torch.complex128 if dtype.is_complex else torch.float64
    a, x = (numbers(*s, dtype=kind, scale=0.5).to(dtype).requires_grad_() for s in ((4,), (2, 5, 4)))
    states, final = ssm.linear_recurrence(a, x)
    assert states.dtype == dtype and final.dtype == kind
    wanted = states_of(a.to(wide).expand(x.shape), x.to(wide))
    close((states.to(wide), final.to(wide)), wanted, tol)
    da, = torch.autograd.grad(states.sum().real, a)
    close(da.to(wide), torch.autograd.grad(wanted[0].sum().real, a)[0].to(wide), 5 * tol)


def test_autocast():
    """Operands become float32, as in torch.cumsum: a layer's projections are bfloat16 there, its parameters are not."""
    project, decay, k = torch.nn.Linear(3, 3), torch.rand(3).requires_grad_(), torch.randn(3, 2)
    u = torch.randn(2, 5, 3)
    for compiled in (False, True):
        def run(u):
            x = project(u)
            y, _ = ssm.state_space("h,h,h,bth->bth", decay, k[:, 0], k[:, 1], ssm.linear_recurrence(decay, x)[0], decay)
            return x, ssm.long_conv(y, k, axis=1)
        with torch.autocast("cpu", torch.bfloat16):
            x, y = torch.compile(run, backend="aot_eager", fullgraph=True)(u) if compiled else run(u)
        assert x.dtype == torch.bfloat16 and y.dtype == torch.float32
        states, _ = states_of(decay.expand(x.shape), x.detach().float())
        want = loop("h,h,h,bth->bth", decay, k[:, 0], k[:, 1], states)[0] + decay * states
        want = want * k[:, 0] + torch.nn.functional.pad(want, (0, 0, 1, -1)) * k[:, 1]
        close(y, want, 1e-5)
        close(torch.autograd.grad(y.sum(), decay), torch.autograd.grad(want.sum(), decay), 1e-4)


def test_memory():
    """Contiguous tensors are read where they lie; views, conjugates and NumPy arrays are taken too."""
    a, x = numbers(3, dtype=torch.complex128, scale=0.5), numbers(2, 3, 4, dtype=torch.complex128)
    want = states_of(a.conj().resolve_conj().expand(2, 4, 3), x.transpose(1, 2))
    close(ssm.linear_recurrence(a.conj(), x.transpose(1, 2)), want)
    close(ssm.linear_recurrence(a.conj().numpy(force=True), x.transpose(1, 2).numpy()), want)
    assert ssm.as_numpy(x).ctypes.data == x.data_ptr()
    states, final = ssm.linear_recurrence(a, numbers(2, 0, 3, dtype=torch.complex128), init=torch.ones(3).to(a))
    assert states.shape == (2, 0, 3) and (final == 1).all()


def operators():
    """Name, and the arguments of an operator with a call that needs all of its parts."""
    spec, output, (a, b, c, u) = space("S4D")
    options = output, False, "after", "auto", "norm"
    yield "state_space", (spec, a, b, c, u, numbers(3), None, *options)
    yield "linear_recurrence", (numbers(3), numbers(2, 4, 3), numbers(3), 1, True, "diagonal", "auto", "norm")
    yield "long_conv", (numbers(2, 3, 5), numbers(3, 9), -1, "two_sided", "auto", "norm")
    yield "recurrence", ([a, u, b, c], "a:hn, u:bth, b:hn, c:hn -> bth, hnb", "", output, *options[1:])
    yield "recurrence", ([numbers(3, 3), numbers(2, 4, 3)], "a:hz, u:bth -> bth, bh", "hz", "none", *options[1:])
    yield "recurrence_gradient", ([numbers(3), *[numbers(2, 4, 3)] * 2, numbers(2, 3)], "a:h, u:bth -> bth, bh", "", "none",
                                  *options[1:])
    yield "convolution", (numbers(2, 3, 5), numbers(3, 5), "u:bht, k:ht -> bht", "backward", "auto", "norm")
    yield "convolution", (numbers(2, 3, 5), numbers(3, 9), "u:bht, k:ht -> bht", "two_sided", "auto", "norm")


@pytest.mark.parametrize("name,arguments", list(operators()))
def test_opcheck(name, arguments):
    grad = [[x.requires_grad_() for x in v] if isinstance(v, list) else
            v.requires_grad_() if isinstance(v, torch.Tensor) else v for v in arguments]
    torch.library.opcheck(getattr(torch.ops.mlir_ssm, name), tuple(grad))


class Layer(torch.nn.Module):
    """An S4D layer, a recurrence and a convolution after it."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = (torch.nn.Parameter(numbers(3, 4, dtype=torch.complex128, scale=0.4)) for _ in "abc")
        self.d, self.decay, self.k = (torch.nn.Parameter(numbers(*s, scale=0.5)) for s in ((3,), (3,), (3, 4)))

    def forward(self, u):
        y, _ = ssm.state_space("hn,hn,hn,bth->bth", self.a, self.b, self.c, u, self.d, output="twice_real")
        y, _ = ssm.linear_recurrence(self.decay, torch.tanh(y))
        total = ssm.associative_scan(lambda left, right: left + right, y, axis=1)
        return ssm.long_conv(total, self.k, axis=1)

    def plain(self, u):
        y = loop("hn,hn,hn,bth->bth", self.a, self.b, self.c, u, output="twice_real")[0] + self.d * u
        y = states_of(self.decay.expand(y.shape), torch.tanh(y))[0].cumsum(1)
        k = torch.nn.functional.pad(self.k, (0, y.shape[1]))
        return torch.stack([torch.einsum("hj,bjh->bh", k[:, :t + 1], y[:, :t + 1].flip(1))
                            for t in range(y.shape[1])], 1)


def ours(graph):
    """The operators of this package in a graph, by name."""
    return sorted({str(n.target).split(".")[1] for n in graph.nodes if "mlir_ssm" in str(n.target)})


def test_compile():
    layer, graphs = Layer(), []

    def backend(module, inputs):
        graphs.append(module.graph)
        return torch._dynamo.lookup_backend("aot_eager")(module, inputs)
    compiled = torch.compile(layer, fullgraph=True, backend=backend)
    for length in (6, 9, 11):  # the second makes the length a symbol
        u = numbers(2, length, 3)
        y, want = compiled(u), layer.plain(u)
        close(y, want, 1e-11)
        weights = torch.randn_like(y)
        close(torch.autograd.grad((weights * y).sum(), layer.parameters()),
              torch.autograd.grad((weights * want).sum(), layer.parameters()), 1e-11)
    assert len(graphs) == 2
    assert all(ours(graph) == ["linear_recurrence", "long_conv", "state_space"] for graph in graphs)


def test_export():
    layer, u = Layer(), numbers(2, 6, 3)
    program = torch.export.export(layer, (u,))
    assert "recurrence" in " ".join(ours(program.graph))
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    close(torch.export.load(file).module()(u), layer.plain(u), 1e-11)


@pytest.mark.parametrize("which", [(0, None), (None, 0), (0, 0), (2, 1)])
def test_vmap(which):
    a, x = numbers(4, 4, 4, scale=0.5), numbers(4, 4, 4)
    a, x = (v if d is not None else v[0] for v, d in zip((a, x), which))
    close(torch.vmap(lambda a, x: ssm.linear_recurrence(a, x, axis=0), which)(a, x),
          torch.vmap(lambda a, x: tuple(v[0] for v in states_of(a[None], x[None])), which)(a, x))
    u, k = numbers(3, 2, 5), numbers(2, 5)
    close(torch.vmap(ssm.long_conv, (0, None))(u, k), torch.stack([ssm.long_conv(v, k) for v in u]))


def test_vmap_is_one_call(monkeypatch):
    launched = []
    launch = ssm.launch
    monkeypatch.setattr(ssm, "launch", lambda op, xs: launched.append(op) or launch(op, xs))
    a, x = numbers(4, 5, 3, scale=0.5), numbers(4, 5, 3)
    for f in (lambda a, x: ssm.linear_recurrence(a, x, axis=0)[0], lambda a, x: ssm.long_conv(x, a[:, 0], axis=0),
              lambda a, x: ssm.state_space("th,th,th,th->th", a, a, a, x)[0]):
        want = torch.stack([f(*both) for both in zip(a, x)])
        launched.clear()
        close(torch.vmap(f)(a, x), want)
        assert len(launched) == 1

    class Scan(torch.nn.Module):
        def forward(self, a, x):
            return torch.vmap(lambda a, x: ssm.associative_scan(affine, (a, x))[1])(a, x)
    close(torch.export.export(Scan(), (a, x)).module()(a, x), states_of(a, x)[0])


@pytest.mark.parametrize("call,error,word", [
    (lambda: ssm.linear_recurrence(np.ones((2, 3, 4)), np.ones((2, 3, 5))), ValueError, "a: expected"),
    (lambda: ssm.linear_recurrence(np.ones(4, np.float32), np.ones((2, 3, 4))), TypeError, "x: the dtype"),
    (lambda: ssm.linear_recurrence(torch.ones(4, dtype=torch.int64), np.ones((2, 3, 4))), TypeError, "a: the dtype"),
    (lambda: ssm.linear_recurrence("a", np.ones((2, 3, 4))), TypeError, "a: expected a tensor"),
    (lambda: ssm.linear_recurrence(np.ones(4), np.ones((2, 3, 4)), transition="dplr"), ValueError, "transition"),
    (lambda: ssm.linear_recurrence(np.ones(4), np.ones((2, 3, 4)), strategy="magic"), ValueError, "strategy"),
    (lambda: ssm.linear_recurrence(np.ones(4), np.ones((2, 3, 4)), axis=3), ValueError, "axis"),
    (lambda: ssm.linear_recurrence(np.ones(4), np.ones((2, 3, 4)), reverse=1), TypeError, "reverse"),
    (lambda: ssm.long_conv(np.ones((2, 3)), np.ones(4), mode="sideways"), ValueError, "mode"),
    (lambda: ssm.long_conv(np.ones((2, 3)), np.ones(4), mode="two_sided"), ValueError, "k: mode 'two_sided' needs"),
    (lambda: ssm.state_space("hn,hn->h", *[np.ones((1, 1))] * 4), ValueError, "spec"),
    (lambda: ssm.state_space("n,n,n,tn->tn", *[np.ones(1)] * 3, np.ones((2, 1)), output="real"), ValueError, "output"),
    (lambda: ssm.linear_recurrence(torch.ones(4), torch.ones(2, 3, 4, device="meta")), ValueError, "x: expected a tensor on"),
    (lambda: ssm.associative_scan(torch.add, ()), ValueError, "xs: expected at least one"),
    (lambda: torch.ops.mlir_ssm.recurrence([torch.ones(2)], "nonsense", "", "none", False, "after", "auto", "norm"),
     ValueError, "spec: expected axes"),
])
def test_errors(call, error, word):
    with pytest.raises(error, match=word):
        call()


@pytest.mark.parametrize("varies", [True, False])
def test_gradient_is_one_kernel(varies, monkeypatch):
    """Of linear_recurrence in real numbers: also where it is differentiated again, and of each of a batch."""
    a, x, init = numbers(*((2, 5, 3) if varies else (3,)), scale=0.5), numbers(2, 5, 3), numbers(2, 3)

    def ours(a, x, init):
        return ssm.linear_recurrence(a, x, init=init)
    same_gradients(ours, lambda a, x, init: states_of(a.expand(x.shape), x, init), a, x, init)
    assert torch.autograd.gradgradcheck(ours, [v.requires_grad_() for v in (a, x, init)])

    launched = []
    launch = ssm.launch
    monkeypatch.setattr(ssm, "launch", lambda op, xs: launched.append(type(op).__name__) or launch(op, xs))
    states, _ = ours(a, x, init)
    grads = torch.autograd.grad(states.sum(), (a, x, init))
    assert launched == ["Recurrence", "RecurrenceGradient"]

    letters = "bth" if varies else "h"
    fields = f"a:{letters}, u:bth, init:bh -> bth, bh", "", "none", False, "after", "auto", "norm"
    dy, dfinal = torch.ones_like(x), torch.zeros_like(init)

    def gradient(*operands):
        return torch.ops.mlir_ssm.recurrence_gradient(list(operands), *fields)
    operands = [v.detach() for v in (a, x, init, dy, dfinal)]
    close(gradient(*operands), grads)
    twice = [torch.stack([v, 2 * v]) for v in operands]
    for shared in (False, True):
        batch = [twice[0][0] if shared else twice[0], *twice[1:]]
        single = [gradient(*(v if i == 0 and shared else v[k] for i, v in enumerate(batch))) for k in range(2)]
        dims = (None if shared else 0, 0, 0, 0, 0)
        close(torch.vmap(gradient, dims)(*batch), [torch.stack(both) for both in zip(*single)])


def test_results_may_be_changed():
    """Those that the gradient does not read: of the outputs of states, and of a convolution."""
    spec, output, operands = space("Mamba-2")
    *params, u = [x.requires_grad_() for x in operands]
    ssm.state_space(spec, *params, u)[0].mul_(2).sum().backward()
    k = numbers(3, 4).requires_grad_()
    ssm.long_conv(numbers(2, 3, 5), k).mul_(2).sum().backward()
    assert u.grad is not None and k.grad is not None


@pytest.mark.parametrize("f,shapes", [
    (lambda a, x, init: ssm.linear_recurrence(a, x, init=init), ((2, 3, 2), (2, 3, 2), (2, 2))),
    (lambda a, x: ssm.linear_recurrence(a, x, reverse=True), ((2,), (2, 3, 2))),
    (lambda a, x: ssm.linear_recurrence(a, x, transition="dense"), ((3, 2, 2), (2, 3, 2))),
    (lambda a, b, c, u, init: ssm.state_space("bth,btn,btn,bthp->bthp", a, b, c, u, init=init),
     ((2, 3, 1), (2, 3, 2), (2, 3, 2), (2, 3, 1, 2), (2, 1, 2, 2))),
    (lambda a, b, c, u: ssm.state_space("n,ni,on,bti->bto", torch.complex(a, b[:, 0]), b, c, u, output="real",
                                        read="before")[0], ((2,), (2, 2), (3, 2), (2, 3, 2))),
    (lambda u, k: ssm.long_conv(u, k, mode="two_sided"), ((2, 2, 3), (2, 5)))])
def test_transforms(f, shapes):
    """Tangents, and torch.func."""
    xs = [numbers(*s, scale=0.5).requires_grad_() for s in shapes]
    assert torch.autograd.gradcheck(f, xs, check_forward_ad=True, check_backward_ad=False)
    assert torch.autograd.gradcheck(f, xs[:-1] + [xs[-1].detach()], check_forward_ad=True, check_backward_ad=False)

    def loss(*xs):
        y = f(*xs)
        return sum((v ** 2).sum() for v in (y if isinstance(y, tuple) else (y,)))
    every = tuple(range(len(xs)))
    plain = torch.autograd.grad(loss(*xs), xs)
    xs = [x.detach() for x in xs]
    close(torch.func.grad(loss, every)(*xs), plain)
    twice = [torch.stack([x, 2 * x]) for x in xs]
    close([d[0] for d in torch.vmap(torch.func.grad(loss, every))(*twice)], plain)
    close([torch.func.jacfwd(loss)(*xs), torch.func.jacrev(loss)(*xs)], plain[:1] * 2)
    hessian = torch.autograd.functional.hessian(lambda x: loss(x, *xs[1:]), xs[0])
    forward, reverse = torch.func.jacfwd, torch.func.jacrev
    close([outer(inner(loss))(*xs) for outer in (forward, reverse) for inner in (forward, reverse)], [hessian] * 4)
    close(torch.vmap(forward(reverse(loss)))(*twice)[0], hessian)


def test_documentation():
    run_python("Python.md", lambda text: "torch" in text)
