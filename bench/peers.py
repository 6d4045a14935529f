"""What people use today, as functions to time.

Each function takes arrays and returns a function without arguments that
computes the task once and returns its result; `Absent` says why not. Arrays
are handed over before the timing, results stay in the peer's own form.
"""

import functools
import importlib
import math

import numpy as np
from measure import Absent


def load(name):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Absent(f"{name} is not installed ({error})") from None


@functools.cache
def jax():
    load("jaxlib")
    return load("jax")


@functools.cache
def torch(threads):
    module = load("torch")
    module.set_num_threads(threads)
    module.set_grad_enabled(False)
    return module


def start_pools(threads):
    """Has the libraries make their threads. To be called before the first
    OpenMP loop: that binds this thread to one core, and threads inherit it."""
    x = np.zeros(16384, np.float32)
    for start in (lambda: load("mlir_ssm"),  # it counts the cores of this thread
                  lambda: jitted(lambda v: v + 1, x)(),
                  lambda: load("scipy.fft").rfft(np.zeros((threads, 64), np.float32), workers=threads)):
        try:
            start()
        except Absent:
            pass


def jitted(function, *arrays):
    module = jax()
    inputs = [module.numpy.asarray(array) for array in arrays]
    compiled = module.jit(function).lower(*inputs).compile()
    return lambda: module.block_until_ready(compiled(*inputs))


# x_t = a_t x_{t-1} + b_t along `axis`.

def affine_pair(left, right):
    return right[0] * left[0], right[0] * left[1] + right[1]


def tree_in_jax(axis):
    """jax.lax.associative_scan's states as a function of a and x."""
    lax = jax().lax
    return lambda a, x: lax.associative_scan(affine_pair, (a, x), axis=axis)[1]


def ssm_in_jax(axis):
    """Ours, the same."""
    ours = load("mlir_ssm.jax")
    return lambda a, x: ours.linear_recurrence(a, x, axis=axis)[0]


def with_gradients(function):
    """(a, x, g): the states and the gradients of sum(g * states)."""
    vjp = jax().vjp

    def both(a, x, g):
        states, backward = vjp(function, a, x)
        return states, *backward(g)
    return both


def jax_associative_scan(a, x, axis):
    return jitted(tree_in_jax(axis), a, x)


def jax_scan(a, x, axis):
    lax, np_ = jax().lax, jax().numpy

    def program(a, x):
        def step(state, t):
            state = t[0] * state + t[1]
            return state, state
        a, x = np_.moveaxis(a, axis, 0), np_.moveaxis(x, axis, 0)
        return np_.moveaxis(lax.scan(step, np_.zeros_like(x[0]), (a, x))[1], 0, axis)
    return jitted(program, a, x)


def jax_s5(a, u, b, c, tree):
    """y_t = 2 Re(C x_t), x_t = a x_(t-1) + B u_t, u [B, L, H]; the states by a tree or one after the other."""
    lax, np_ = jax().lax, jax().numpy

    def states_by_steps(a, v):
        def step(state, vt):
            state = a * state + vt
            return state, state
        return np_.moveaxis(lax.scan(step, np_.zeros_like(v[:, 0]), np_.moveaxis(v, 1, 0))[1], 0, 1)

    def program(a, u, b, c):
        v = u @ b.T
        states = tree_in_jax(1)(np_.broadcast_to(a, v.shape), v) if tree else states_by_steps(a, v)
        return 2 * (states @ c.T).real
    return jitted(program, a, u, b, c)


def numpy_scan(a, x, axis):
    out = np.empty_like(x)
    at, xt, yt = (np.moveaxis(v, axis, 0) for v in (a, x, out))

    def call():
        state = np.zeros_like(xt[0])
        for t in range(len(xt)):
            np.multiply(state, at[t], out=state)
            state += xt[t]
            yt[t] = state
        return out
    return call


def torch_scan(a, x, axis, threads):
    module = torch(threads)
    at, xt = (module.from_numpy(v).movedim(axis, 0) for v in (a, x))
    out = module.empty_like(module.from_numpy(x))
    yt = out.movedim(axis, 0)

    def call():
        state = module.zeros_like(xt[0])
        for t in range(len(xt)):
            state = module.addcmul(xt[t], at[t], state, out=yt[t])
        return out
    return call


def torch_scripted(a, x, axis, threads):
    """The loop of torch_scan as TorchScript, which has no Python between its steps."""
    module = torch(threads)

    def loop(a, x):
        state, rows = module.zeros_like(x[0]), []
        for t in range(x.shape[0]):
            state = a[t] * state + x[t]
            rows.append(state)
        return module.stack(rows)
    inputs = [module.from_numpy(v).movedim(axis, 0) for v in (a, x)]
    scripted = module.jit.script(loop)
    return lambda: scripted(*inputs).movedim(0, axis)


def torch_ssm(a, x, axis, threads):
    """Ours as an operator of PyTorch, Python and the allocation of the result included."""
    module, ours = torch(threads), load("mlir_ssm.torch")
    inputs = [module.from_numpy(v) for v in (a, x)]
    return lambda: ours.linear_recurrence(*inputs, axis=axis)[0]


# y = k * u along `axis`, causal; `axis` is one of the last two.

def numpy_convolution(u, k, axis):
    L = u.shape[axis]
    n, kernel_axis = 2 * L, k.ndim - u.ndim + axis

    def call():
        y = np.fft.irfft(np.fft.rfft(u, n, axis) * np.fft.rfft(k, n, kernel_axis), n, axis)
        return y[..., :L] if axis + 1 == u.ndim else y[..., :L, :]
    return call


def scipy_convolution(u, k, axis, threads):
    fft = load("scipy.fft")
    L = u.shape[axis]
    n, kernel_axis = fft.next_fast_len(2 * L - 1, real=True), k.ndim - u.ndim + axis

    def call():
        spectrum = fft.rfft(u, n, axis, workers=threads) * fft.rfft(k, n, kernel_axis, workers=threads)
        y = fft.irfft(spectrum, n, axis, workers=threads)
        return y[..., :L] if axis + 1 == u.ndim else y[..., :L, :]
    return call


def jax_convolution(u, k, axis):
    fft, L = jax().numpy.fft, u.shape[axis]

    def program(u, k):
        y = fft.irfft(fft.rfft(u, 2 * L, axis) * fft.rfft(k, 2 * L, k.ndim - u.ndim + axis), 2 * L, axis)
        return jax().lax.slice_in_dim(y, 0, L, axis=axis)
    return jitted(program, u, k)


def jax_two_sided(u, k, h, axis):
    """One transform of the signal and one of both kernels, the future's at negative times."""
    fft, numpy, L = jax().numpy.fft, jax().numpy, u.shape[axis]
    lag = k.ndim - u.ndim + axis

    def program(u, k, h):
        def spectrum(x, axis):
            return fft.rfft(x, 2 * L, axis)
        both = spectrum(k, lag) + numpy.conj(spectrum(h, lag))
        y = fft.irfft(spectrum(u, axis) * both, 2 * L, axis)
        return jax().lax.slice_in_dim(y, 0, L, axis=axis)
    return jitted(program, u, k, h)


def torch_convolution(u, k, axis, threads):
    module = torch(threads)
    L = u.shape[axis]
    tu, tk = module.from_numpy(u), module.from_numpy(k)

    def call():
        spectrum = module.fft.rfft(tu, 2 * L, axis) * module.fft.rfft(tk, 2 * L, tk.ndim - tu.ndim + axis)
        return module.fft.irfft(spectrum, 2 * L, axis).narrow(axis, 0, L)
    return call


# K[h, l] = 2 Re sum_n w[h, n] exp(log_a[h, n] l), l < L.

def numpy_vandermonde(log_a, w, L):
    steps = np.arange(L, dtype=np.float32)
    return lambda: 2 * np.einsum("hn,hnl->hl", w, np.exp(log_a[..., None] * steps)).real


def jax_vandermonde(log_a, w, L):
    np_ = jax().numpy
    return jitted(lambda log_a, w: 2 * np_.einsum("hn,hnl->hl", w, np_.exp(log_a[..., None] * np_.arange(L))).real,
                  log_a, w)


def torch_vandermonde(log_a, w, L, threads):
    module = torch(threads)
    ta, tw = module.from_numpy(log_a), module.from_numpy(w)
    return lambda: 2 * module.einsum("hn,hnl->hl", tw, module.exp(ta[..., None] * module.arange(L))).real


# Mamba-1's selective scan of dt, u [B, L, D]; A [D, N]; B, C [B, L, N]; skip [D].

def jax_selective(dt, A, B, C, skip, u, associative):
    lax, np_ = jax().lax, jax().numpy

    def by_tree(dt, A, B, C, skip, u):
        states = lax.associative_scan(affine_pair, (np_.exp(dt[..., None] * A), (dt * u)[..., None] * B[:, :, None]),
                                      axis=1)[1]
        return np_.einsum("btdn,btn->btd", states, C) + skip * u

    def by_steps(dt, A, B, C, skip, u):
        def step(state, now):
            dt, B, C, u = now
            state = np_.exp(dt[..., None] * A) * state + (dt * u)[..., None] * B[:, None]
            return state, (state * C[:, None]).sum(-1) + skip * u
        first = np_.zeros((u.shape[0], *A.shape), u.dtype)
        rows = tuple(np_.moveaxis(v, 1, 0) for v in (dt, B, C, u))
        return np_.moveaxis(lax.scan(step, first, rows)[1], 0, 1)
    return jitted(by_tree if associative else by_steps, dt, A, B, C, skip, u)


def torch_selective(dt, A, B, C, skip, u, threads):
    """The reference program of the Mamba repository: a loop over time."""
    module = torch(threads)
    dt, A, B, C, skip, u = map(module.from_numpy, (dt, A, B, C, skip, u))

    def call():
        decay = module.exp(dt[..., None] * A)
        drive = (dt * u)[..., None] * B[:, :, None]
        state, rows = module.zeros_like(decay[:, 0]), []
        for t in range(u.shape[1]):
            state = decay[:, t] * state + drive[:, t]
            rows.append((state @ C[:, t, :, None])[..., 0])
        return module.stack(rows, 1) + u * skip
    return call


def numpy_selective(dt, A, B, C, skip, u):
    def call():
        state, y = np.zeros((u.shape[0], *A.shape), np.float32), np.empty_like(u)
        for t in range(u.shape[1]):
            state *= np.exp(dt[:, t, :, None] * A)
            state += (dt[:, t] * u[:, t])[..., None] * B[:, t, None]
            y[:, t] = (state @ C[:, t, :, None])[..., 0]
        y += skip * u
        return y
    return call


# One step: of S4D, x = a x + b u, y = 2 Re sum_n c x, with u [B, 1, H] and x [B, H, N]; of Mamba-1 as above, with
# x [B, D, N].

def jax_s4d_step(a, u, b, c, x):
    np_ = jax().numpy

    def step(a, u, b, c, x):
        x = a * x + b * u[:, 0, :, None]
        return 2 * np_.real((c * x).sum(-1))[:, None], x
    return jitted(step, a, u, b, c, x)


# S = decay S + k v^T, y = q S of matrices [K, V]; all but the state are [B, T, H, ...].

def jax_matrix_states(decay, k, q, v):
    lax, np_ = jax().lax, jax().numpy

    def by_steps(decay, k, q, v):
        def step(S, now):
            decay, k, q, v = now
            S = decay * S + k[..., None] * v[..., None, :]
            return S, np_.einsum("bhk,bhkv->bhv", q, S)
        first = np_.zeros((*k[:, 0].shape, v.shape[-1]), v.dtype)
        decay = np_.broadcast_to(decay.reshape([1] * (3 - decay.ndim) + [*decay.shape] + [1] * (5 - max(decay.ndim, 3))),
                                 (*k.shape[:3], decay.shape[3] if decay.ndim == 4 else 1, 1))
        rows = tuple(np_.moveaxis(x, 1, 0) for x in (decay, k, q, v))
        return np_.moveaxis(lax.scan(step, first, rows)[1], 0, 1)
    return jitted(by_steps, decay, k, q, v)


# S = diag(w) S + p (q^T S) + k v^T, y = r S, all [B, T, H, ...].

def jax_matrix_updates(w, p, q, k, r, v):
    lax, np_ = jax().lax, jax().numpy

    def by_steps(*operands):
        def step(S, now):
            w, p, q, k, r, v = now
            s = np_.einsum("bhk,bhkv->bhv", q, S)
            S = w[..., None] * S + p[..., None] * s[..., None, :] + k[..., None] * v[..., None, :]
            return S, np_.einsum("bhk,bhkv->bhv", r, S)
        first = np_.zeros((*k[:, 0].shape, v.shape[-1]), v.dtype)
        rows = tuple(np_.moveaxis(x, 1, 0) for x in operands)
        return np_.moveaxis(lax.scan(step, first, rows)[1], 0, 1)
    return jitted(by_steps, w, p, q, k, r, v)


def jax_matrix_chunks(decay, k, q, v, chunk=64):
    """By products of matrices within a chunk, and a loop over chunks."""
    lax, np_ = jax().lax, jax().numpy
    B, T, H, K = k.shape
    chunk = math.gcd(T, chunk)

    def by_chunks(decay, k, q, v):
        def step(S, now):
            log_decay, k, q, v = now
            since = np_.cumsum(log_decay, 1)
            q, k = q * np_.exp(since), k * np_.exp(-since)
            within = np_.tril(np_.einsum("bihk,bjhk->bhij", q, k))
            y = np_.einsum("bihk,bhkv->bihv", q, S) + np_.einsum("bhij,bjhv->bihv", within, v)
            return np_.exp(since[:, -1])[..., None] * (S + np_.einsum("bjhk,bjhv->bhkv", k, v)), y
        shape = decay.shape if decay.ndim == 4 else [1] * (3 - decay.ndim) + [*decay.shape, 1]
        log_decay = np_.broadcast_to(np_.log(decay).reshape(shape), (B, T, H, shape[3]))
        rows = tuple(np_.moveaxis(x.reshape(B, T // chunk, chunk, H, -1), 1, 0) for x in (log_decay, k, q, v))
        ys = lax.scan(step, np_.zeros((B, H, K, v.shape[-1]), v.dtype), rows)[1]
        return np_.moveaxis(ys, 0, 1).reshape(v.shape)
    return jitted(by_chunks, decay, k, q, v)


def torch_matrix_states(decay, k, q, v, threads):
    """A loop as TorchScript; the decay is one of each key and step."""
    module = torch(threads)

    def loop(decay, k, q, v):
        S, rows = module.zeros([k.shape[0], k.shape[2], k.shape[3], v.shape[3]]), []
        for t in range(k.shape[1]):
            S = decay[:, t, :, :, None] * S + k[:, t, :, :, None] * v[:, t, :, None, :]
            rows.append(module.matmul(q[:, t, :, None, :], S)[:, :, 0])
        return module.stack(rows, 1)
    inputs = [module.from_numpy(x) for x in (decay, k, q, v)]
    scripted = module.jit.script(loop)
    return lambda: scripted(*inputs)


def jax_selective_step(dt, A, B, C, skip, u, x):
    np_ = jax().numpy

    def step(dt, A, B, C, skip, u, x):
        x = np_.exp(dt[:, 0, :, None] * A) * x + (dt * u)[:, 0, :, None] * B
        return ((x * C).sum(-1) + skip * u[:, 0])[:, None], x
    return jitted(step, dt, A, B, C, skip, u, x)
