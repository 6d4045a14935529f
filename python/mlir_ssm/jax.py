"""The functions of mlir_ssm on JAX arrays: under jit, vmap and grad.

    import mlir_ssm.jax as ssm
    states, final = ssm.linear_recurrence(a, x)

On the CPU a call is one custom call of XLA; the kernel is compiled while JAX traces. On other platforms, and in programs
that jax.export writes, it is a `stablehlo.composite` with a plain decomposition, which runs wherever XLA does.

Gradients are in reverse mode (jax.custom_vjp), and are made of the same functions, so that they can be differentiated
and batched again; jax.jvp is an error. The arguments are those of mlir_ssm's functions; float16 and bfloat16 work as
there, and 64 bits need jax_enable_x64.
"""

import contextlib
import functools
import hashlib
import inspect
import re
import threading
import types

import numpy as np

from . import _monoids, _ops
from ._arrays import check_axis, check_choice, check_flag
from ._combiners import Extremum, read_combiner
from ._compile import core, plans
from ._ops import bind_letters, is_complex_dtype, specs
from ._recurrence import form_linear_recurrence, form_state_space
from ._scan import maximum as ssm_maximum
from ._scan import minimum as ssm_minimum

try:
    import jax
    import jax.extend.core
    import jax.numpy as jnp
    from jax import lax
    from jax.interpreters import batching, mlir
except ImportError as error:
    raise ImportError("mlir_ssm.jax needs jax; install it with pip install 'jax[cpu]'") from error
if not hasattr(core(), "xla_handler"):
    raise ImportError("mlir_ssm.jax: this build of mlir_ssm had no headers of XLA; install jaxlib and build it again")

__all__ = ["associative_scan", "linear_recurrence", "long_conv", "lower", "state_space"]

TARGET = "mlir_ssm_kernel"
jax.ffi.register_ffi_target(TARGET, core().xla_handler(), platform="cpu")

# Ops: what the primitive computes, as a hashable value. Each has
#   plan(operands)       the kernel
#   results(operands)    the shapes and dtypes of the results
#   decompose(*operands) the same in terms of JAX
#   batch(flags)         the op with one axis more
#   vjp(library, operands, results, cotangents of the results)
#   name, attributes     of the composite


class Recurrence(_ops.Recurrence):
    name = "mlir_ssm.linear_recurrence"

    def attributes(self):
        return {"spec": self.spec, "projection": self.projection, "direction": "backward" if self.reverse else "forward",
                "read": self.read}

    def decompose(self, *operands):
        """A loop over time."""
        (_, y_dtype), (shape, dtype) = self.results(specs(operands))
        given = dict(zip(self.names, zip(self.maps, operands)))
        previous = self.final
        for word, letter in self.mixing:
            if word == "column":
                previous = self.final.replace(dict(self.mixing)["row"], letter)
        moving = {n: jnp.moveaxis(x, m.index("t"), 0) for n, (m, x) in given.items() if "t" in m}
        sizes = bind_letters(self.maps, operands)

        def step(h, now):
            at = {n: (m.replace("t", ""), now.get(n, x)) for n, (m, x) in given.items()}
            drive = product(self.final, sizes, dtype, *(at[n] for n in ("b", "u") if n in at))
            h_next = product(self.final, sizes, dtype, at["a"], (previous, h)) + drive
            seen = h if self.read == "before" else h_next
            if "c" in at:
                letters = self.y.replace("t", "")
                wide = np.result_type(dtype, at["c"][1].dtype)
                seen = product(letters, sizes, wide, at["c"], (self.final, seen))
            else:
                seen = product(self.y.replace("t", ""), sizes, dtype, (self.final, seen))
            if self.projection != "none":
                seen = jnp.real(seen) * (2 if self.projection == "twice_real" else 1)
            return h_next, seen.astype(y_dtype)

        start = jnp.zeros(shape, dtype)
        if "init" in given:
            start = product(self.final, sizes, dtype, given["init"])
        final, ys = lax.scan(step, start, moving, length=sizes["t"], reverse=self.reverse)
        return jnp.moveaxis(ys, 0, self.y.index("t")), final


class RecurrenceGradient(_ops.RecurrenceGradient):
    name = "mlir_ssm.linear_recurrence_gradient"

    def attributes(self):
        return self.op.attributes()

    def decompose(self, *operands):
        *operands, dy, dfinal = operands
        return self.op.vjp(Library(), operands, differentiable(self.op, *operands), (dy, dfinal))

    def vjp(self, _, operands, results, cotangents):
        return jax.vjp(self.decompose, *operands)[1](cotangents)


class Convolution(_ops.Convolution):
    name = "mlir_ssm.long_conv"

    def attributes(self):
        return {"spec": self.spec, "direction": self.direction}

    def decompose(self, u, k):
        """By transforms of twice the length."""
        (shape, dtype), = self.results(specs((u, k)))
        axis = self.y.index("t")
        length = shape[axis]
        lag = self.maps[1].index("t")
        taps, future = k.shape[lag], k.shape[lag] // 2 if self.direction == "two_sided" else 0
        sizes = dict(zip(self.y, shape))
        u = product(self.y, sizes, dtype, (self.maps[0], u))
        k = product(self.y, sizes | {"t": taps}, dtype, (self.maps[1], k))
        if self.direction == "backward":
            u = jnp.flip(u, axis)
        points = max(length + taps, 1)
        spectrum = jnp.fft.fft(u, points, axis) * jnp.fft.fft(k, points, axis)
        y = lax.slice_in_dim(jnp.fft.ifft(spectrum, axis=axis), future, future + length, axis=axis)
        y = jnp.flip(y, axis) if self.direction == "backward" else y
        return ((y if is_complex_dtype(dtype) else jnp.real(y)).astype(dtype),)


def product(letters, sizes, dtype, *factors):
    """The product of factors (letters, array), summed over all other letters and repeated along missing ones."""
    have = set("".join(m for m, _ in factors))
    kept = "".join(k for k in letters if k in have)
    wide = functools.reduce(jnp.promote_types, [x.dtype for _, x in factors])
    if wide in (jnp.float16, jnp.bfloat16):
        wide = np.dtype(np.float32)
    if have == set(kept):  # nothing is summed
        y = functools.reduce(jnp.multiply, [align(x.astype(wide), m, kept) for m, x in factors])
    else:
        y = jnp.einsum(",".join(m for m, _ in factors) + "->" + kept, *(x.astype(wide) for _, x in factors),
                       precision=lax.Precision.HIGHEST)
    if is_complex_dtype(wide) and not is_complex_dtype(dtype):
        y = jnp.real(y)
    y = jnp.expand_dims(y, [i for i, k in enumerate(letters) if k not in have])
    return jnp.broadcast_to(y, [sizes[k] for k in letters]).astype(dtype)


def align(x, letters, target):
    """x with its axes in the order of `target`, and one of size 1 for each letter that it lacks."""
    x = jnp.transpose(x, [letters.index(k) for k in target if k in letters])
    return jnp.expand_dims(x, [i for i, k in enumerate(target) if k not in letters])


kernel_p = jax.extend.core.Primitive("mlir_ssm")
kernel_p.multiple_results = True


@kernel_p.def_abstract_eval
def abstract(*avals, op):
    return [jax.core.ShapedArray(shape, dtype) for shape, dtype in op.results(specs(avals))]


@functools.partial(jax.jit, static_argnums=0)
def call(op, *operands):
    return kernel_p.bind(*operands, op=op)


kernel_p.def_impl(lambda *operands, op: call(op, *operands))


@functools.cache
def publish(op, operands):
    """The name under which XLA finds the kernel of `op` on arrays like `operands`."""
    plan = plans.get(("jax", op, operands), lambda: op.plan(list(operands)))
    name = hashlib.sha256(repr((op, operands)).encode()).hexdigest()
    core().publish(plan.kernel, name)
    return name


def lower_portably(ctx, *operands, op):
    attributes = op.attributes()
    composite = lax.composite(lambda *xs, **_: tuple(op.decompose(*xs)), op.name)
    return mlir.lower_fun(lambda *xs: composite(*xs, **attributes), multiple_results=True)(ctx, *operands)


def lower_on_cpu(ctx, *operands, op):
    if ctx.module_context.lowering_parameters.for_export:
        return lower_portably(ctx, *operands, op=op)
    name = publish(op, tuple(specs(ctx.avals_in)))
    return jax.ffi.ffi_lowering(TARGET)(ctx, *operands, kernel=name)


mlir.register_lowering(kernel_p, lower_portably)
mlir.register_lowering(kernel_p, lower_on_cpu, platform="cpu")


def batch(operands, dims, *, op):
    """All results get the axis: JAX would count the cotangent of one without it once for each of the batch."""
    count = next(x.shape[d] for x, d in zip(operands, dims) if d is not None)
    moved = [x if d is None else jnp.moveaxis(x, d, 0) for x, d in zip(operands, dims)]
    ranks = [len(shape) for shape, _ in op.results(specs(jax.core.ShapedArray(
        x.shape if d is None else x.shape[:d] + x.shape[d + 1:], x.dtype) for x, d in zip(operands, dims)))]
    if isinstance(op, RecurrenceGradient):
        moved = [jnp.broadcast_to(x, (count, *x.shape)) if d is None else x for x, d in zip(moved, dims)]
    results = kernel_p.bind(*moved, op=op.batch([d is not None for d in dims]))
    return [y if y.ndim > rank else jnp.broadcast_to(y, (count, *y.shape)) for y, rank in zip(results, ranks)], \
        [0] * len(results)


batching.primitive_batchers[kernel_p] = batch


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def differentiable(op, *operands):
    return tuple(call(op, *operands))


def forward(op, *operands):
    results = differentiable(op, *operands)
    return results, (operands, results)


class Library:
    """What the gradients of _ops are made of. JAX's cotangents are not conjugated."""

    def run(self, op, *operands):
        return differentiable(op, *operands)

    def product(self, *arguments):
        return product(*arguments)

    def conj(self, x):
        return x

    def specs(self, operands):
        return specs(operands)

    def dtype(self, x):
        return x.dtype

    def flip(self, x, axis):
        return jnp.flip(x, axis)

    def concatenate(self, parts, axis):
        return jnp.concatenate(parts, axis)

    def ones_like(self, x):
        return jnp.ones_like(x)

    def resize(self, x, axis, size):
        """x along an axis cut to `size`, or continued by zeros."""
        x = lax.slice_in_dim(x, 0, min(size, x.shape[axis]), axis=axis)
        return jnp.pad(x, [(0, size - n) if i == axis else (0, 0) for i, n in enumerate(x.shape)])


def backward(op, kept, cotangents):
    operands, results = kept
    if isinstance(op, Recurrence) and RecurrenceGradient(op).suits(specs(operands)):
        return differentiable(RecurrenceGradient(op), *operands, *cotangents)
    return op.vjp(Library(), operands, results, cotangents)


differentiable.defvjp(forward, backward)
recurrence = convolution = differentiable


def as_jax(names, values):
    arrays = []
    for name, x in zip(names, values):
        try:
            arrays.append(jnp.asarray(x))
        except TypeError as error:
            raise TypeError(f"{name}: expected an array, but {type(x).__name__} cannot become one: {error}") from None
    return arrays


def run_form(form, operands, strategy, numerics):
    op, kept = _ops.recurrence(form, specs(operands), strategy, numerics)
    shapes = [form.shapes[form.names[i]] for i in kept]
    return recurrence(Recurrence(*op), *(operands[i] if shape is None else operands[i].reshape(shape)
                                         for i, shape in zip(kept, shapes)))


def linear_recurrence(a, x, *, init=None, axis=1, reverse=False, transition="diagonal", strategy="auto",
                      numerics="norm"):
    """mlir_ssm.linear_recurrence on JAX arrays, with transition "diagonal" or "dense"."""
    check_choice(transition, ("diagonal", "dense"), "transition")
    names, values = ["a", "x"], [a, x]
    if init is not None:
        names.append("init")
        values.append(init)
    operands = as_jax(names, values)
    form = form_linear_recurrence(names, operands, check_axis(axis, operands[1].ndim, "x"),
                                  check_flag(reverse, "reverse"), transition)
    return run_form(form, operands, strategy, numerics)


def state_space(spec, a, b, c, u, d=None, *, init=None, output="none", reverse=False, read="after", strategy="auto",
                numerics="norm"):
    """mlir_ssm.state_space on JAX arrays."""
    names, values = ["a", "b", "c", "u"], [a, b, c, u]
    for name, value in (("d", d), ("init", init)):
        if value is not None:
            names.append(name)
            values.append(value)
    operands = as_jax(names, values)
    form = form_state_space(spec, names, operands, output, check_flag(reverse, "reverse"), read)
    y, final = run_form(form, operands, strategy, numerics)
    if d is None:
        return y, final
    given = dict(zip(names, operands))
    if is_complex_dtype(given["d"].dtype) or is_complex_dtype(given["u"].dtype):
        if not is_complex_dtype(y.dtype):
            raise TypeError("d: with a real output expected a real d and u, but they are complex")
    u_map = form.feedthrough
    du = given["d"] * jnp.einsum(f"{u_map}->{form.y}", given["u"])
    return y + du.astype(y.dtype), final


def long_conv(u, k, *, axis=-1, mode="causal", strategy="auto", numerics="norm"):
    """mlir_ssm.long_conv on JAX arrays."""
    u, k = as_jax(("u", "k"), (u, k))
    axis = check_axis(axis, u.ndim, "u")
    op, shape = _ops.convolution(*specs((u, k)), axis, mode, strategy, numerics)
    k = _ops.unrolled(Library(), k, u.shape[axis], mode)
    return convolution(Convolution(*op), u, k.reshape(*shape, k.shape[-1]))[0]


EXTREMA = {id(f): traced for fs, traced in (((jnp.maximum, lax.max, np.maximum, max, ssm_maximum), jnp.maximum),
                                           ((jnp.minimum, lax.min, np.minimum, min, ssm_minimum), jnp.minimum),
                                           ((np.add,), jnp.add), ((np.multiply,), jnp.multiply)) for f in fs}


def scan_one(form, x, *, axis, reverse, strategy):
    """The scan of one array of the state (_combiners.py)."""
    if isinstance(form, Extremum):
        scan = lax.cummax if form.name == "max" else lax.cummin
        return scan(x.astype(np.int8), axis, reverse).astype(bool) if x.dtype == bool else scan(x, axis, reverse)
    a = jnp.ones((), x.dtype) if form.coefficient is None else form.coefficient
    rest = jnp.zeros_like(x) if form.rest is None else form.rest
    init = None
    if form.start:
        init = jnp.ones(x.shape[:axis] + x.shape[axis + 1:], x.dtype)
    return linear_recurrence(a, rest, init=init, axis=axis, reverse=reverse, strategy=strategy)[0]


def associative_scan(fn, xs, *, axis=0, reverse=False, strategy="auto"):
    """mlir_ssm.associative_scan on JAX arrays, for combiners that have a gradient: sums, products, maxima, minima, the
    composition of affine pairs, and all whose result is, in each array, coefficient * left + right with coefficients of
    what is right. For others, ValueError."""
    many = isinstance(xs, (tuple, list))
    arrays = as_jax([f"xs[{i}]" for i in range(len(xs))] if many else ["xs"], xs if many else [xs])
    reverse = check_flag(reverse, "reverse")
    axis = _monoids.check_arrays(arrays, axis)
    fn = EXTREMA.get(id(fn), fn)
    results = scan_arrays(lambda l, r: fn(type(xs)(l), type(xs)(r)) if many else (fn(*l, *r),), arrays, axis, reverse, strategy)
    return type(xs)(results) if many else results[0]


def scan_arrays(fn, arrays, axis, reverse, strategy="auto"):
    """Of arrays that have one size along the axis; `fn` is of lists of them."""
    forms = read_combiner(fn, arrays)
    if forms is None or len({x.shape[axis] for x in arrays}) != 1:
        _monoids.refuse("jnp", "jax.lax.associative_scan")
    return [scan_one(form, x, axis=axis, reverse=reverse, strategy=strategy) for form, x in zip(forms, arrays)]


LOWERING = jax.make_user_context(default_value=False)
TRACING = threading.RLock()
SCAN = inspect.unwrap(lax.associative_scan)
UNROLLED = types.FunctionType(SCAN.__code__, SCAN.__globals__, SCAN.__name__, SCAN.__defaults__)


def known_scan(fn, elems, reverse=False, axis=0):
    """jax.lax.associative_scan, which traces to a tree of slices, but for combiners that this module knows."""
    leaves, tree = jax.tree.flatten(elems)
    leaves = [jnp.asarray(x) for x in leaves]

    def flat(left, right):
        return jax.tree.leaves(fn(tree.unflatten(left), tree.unflatten(right)))
    try:
        return tree.unflatten(scan_arrays(flat, leaves, check_axis(axis, leaves[0].ndim, "elems"), reverse))
    except (IndexError, TypeError, ValueError):
        return UNROLLED(fn, elems, reverse, axis)


def instead(fn, elems, reverse=False, axis=0):
    """Code for JAX's function, whose names are those of its own module."""
    import mlir_ssm.jax
    return mlir_ssm.jax.known_scan(fn, elems, reverse, axis)


@contextlib.contextmanager
def known_scans():
    """jax.lax.associative_scan is `known_scan`, also where a module has it under a name of its own: the function gets other
    code. What is traced meanwhile, JAX does not take for a trace of the function later."""
    with TRACING:
        code = SCAN.__code__
        SCAN.__code__ = instead.__code__
        try:
            with LOWERING(True):
                yield
        finally:
            SCAN.__code__ = code


def lower(fun, *args, **kwargs):
    """The program of a function of JAX, as text for mlir_ssm.compile, whose entry is "main".

        def layer(a, u):
            return lax.scan(lambda x, ut: (a * x + ut,) * 2, jnp.zeros(a.shape), u)[1]
        f = mlir_ssm.compile(mlir_ssm.jax.lower(layer, a, u), entry="main")

    A loop over time (lax.scan, lax.fori_loop) whose carry is linear becomes an ssm.linear_recurrence, for which a strategy
    is chosen; any other stays a loop. So do calls of this module's functions, jax.lax.associative_scan of sums, products
    and affine pairs, sums along time (jnp.cumsum) and convolutions of each channel (lax.conv_general_dilated).

    Args:
        fun: a function of arrays, as for jax.jit.
        *args, **kwargs: its arguments, or jax.ShapeDtypeStruct of their shapes and dtypes. The program's arguments are
            their leaves, in JAX's order; unsigned integers are signed ones of as many bits.

    Returns:
        The text.

    Raises:
        ValueError: the function has an op that is not imported, such as jnp.linalg.cholesky; the text names it.
    """
    with known_scans():
        traced = jax.jit(fun, keep_unused=True).trace(*args, **kwargs)
    # For a platform that has no custom calls, of ours or others': ops come with what they stand for. Eigenvalues, which
    # have no other form, may be there if nothing reads them.
    try:
        module = traced.lower(lowering_platforms=("mlir_ssm",)).compiler_ir()
    except NotImplementedError:
        module = traced.lower(lowering_platforms=("tpu",)).compiler_ir()
    name = getattr(fun, "__name__", "function")
    text = BOOLEANS.sub(pack_booleans, module.operation.get_asm(print_generic_op_form=True))
    return core().import_stablehlo(text.encode(), f"<jax {name}>")


BOOLEANS = re.compile(r'(dense<"0x)([0-9A-Fa-f]+)("> : tensor<[0-9x]+xi1>)')


def pack_booleans(constant):
    """JAX's MLIR prints a byte for each of many booleans, ours reads a bit."""
    bits = np.frombuffer(bytes.fromhex(constant[2]), np.uint8)
    return constant[1] + np.packbits(bits, bitorder="little").tobytes().hex() + constant[3]
