"""The functions of mlir_ssm on PyTorch tensors, as operators of torch.library.

    import mlir_ssm.torch as ssm
    states, final = ssm.linear_recurrence(a, x)

Each call is an operator `torch.ops.mlir_ssm.*`, which eager programs, torch.compile and torch.export see as one node. All
are made of two: `recurrence` and `convolution`, which have a kernel for the CPU, shapes without data, a batching rule and
a gradient. Gradients are made of the same operators and of `recurrence_gradient`, so that they can be differentiated
again.

Tensors lie on the CPU, and are read where they are if they are contiguous; results are new tensors. The arguments are
those of mlir_ssm's functions, without transition="dplr"; float16 and bfloat16 work as there.
"""

import functools
import re

import ml_dtypes
import numpy as np

from . import _monoids, _ops
from ._arrays import ELEMENTS, check_axis, check_choice, check_flag
from ._compile import CPUS, core, plans
from ._ops import dtype_of, is_complex_dtype
from ._recurrence import form_linear_recurrence, form_state_space
from ._scan import maximum as ssm_maximum
from ._scan import minimum as ssm_minimum

try:
    import torch
    from torch._functorch.utils import enable_single_level_autograd_function
    from torch.autograd import forward_ad
except ImportError as error:
    raise ImportError("mlir_ssm.torch needs PyTorch; install it with pip install torch") from error

__all__ = ["associative_scan", "linear_recurrence", "long_conv", "state_space"]

NUMPY = {getattr(torch, name): dtype_of(e) for name, e in ELEMENTS.items()}
TORCH = {dtype: t for t, dtype in NUMPY.items()}
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


def specs(tensors):
    return [_ops.Spec(tuple(x.shape), NUMPY[x.dtype]) for x in tensors]


def empty(op, operands):
    """Tensors for the results of an op."""
    return tuple(torch.empty(shape, dtype=TORCH[dtype], device=operands[0].device)
                 for shape, dtype in op.results(specs(operands)))


def as_numpy(x):
    x = x.contiguous()
    if x.dtype == torch.bfloat16:
        return x.detach().view(torch.int16).numpy().view(BFLOAT16)
    return x.numpy(force=True)


def from_numpy(x):
    return torch.from_numpy(x.view(np.int16)).view(torch.bfloat16) if x.dtype == BFLOAT16 else torch.from_numpy(x)


def launch(op, tensors):
    arrays = [as_numpy(x) for x in tensors]
    plan = plans.get(("torch", op, *[(x.shape, x.dtype) for x in arrays]), lambda: op.plan(arrays))
    return tuple(map(from_numpy, run_limited(plan, arrays)))


def run_limited(plan, arrays):
    """On no more threads than PyTorch takes itself, which may be one in a worker of a DataLoader."""
    threads = torch.get_num_threads()
    if threads >= CPUS or not (before := core().limit_threads(threads)):
        return plan(arrays)
    try:
        return plan(arrays)
    finally:
        core().limit_threads(before)


# The operators. `spec` has the letters of the axes, as in "a:h, u:bth -> bth, bh"; `mixing` is "", or the letters of a dense
# transition's row and column.

@functools.cache
def read_recurrence(spec, mixing, *fields):
    """The op that an operator's arguments mean."""
    if not re.fullmatch(r"[aubc]\w*:[a-z]*(, [a-z]+:[a-z]*)* -> [a-z]*, [a-z]*", spec):
        raise ValueError(f"spec: expected axes such as 'a:h, u:bth -> bth, bh', but it is {spec!r}")
    operands, results = spec.split(" -> ")
    names, maps = zip(*(word.split(":") for word in operands.split(", ")))
    return _ops.Recurrence(names, maps, *results.split(", "), *fields[:3], tuple(zip(("row", "column"), mixing)),
                           *fields[3:])


@functools.cache
def read_gradient(*fields):
    return _ops.RecurrenceGradient(read_recurrence(*fields))


@functools.cache
def read_convolution(spec, *fields):
    if not (found := re.fullmatch(r"u:([a-z]*), k:([a-z]*) -> ([a-z]*)", spec)):
        raise ValueError(f"spec: expected axes such as 'u:bht, k:ht -> bht', but it is {spec!r}")
    u, k, y = found.groups()
    return _ops.Convolution((u, k), y, *fields)


def fields_of(op):
    """The arguments of an operator that mean the op."""
    if isinstance(op, _ops.Convolution):
        return op.spec, op.direction, op.strategy, op.numerics
    mixing = "".join(letter for _, letter in op.mixing)
    return op.spec, mixing, op.projection, op.reverse, op.read, op.strategy, op.numerics


def apply(op, *operands):
    """The operator of an op; a tuple of its results."""
    call = convolution if isinstance(op, _ops.Convolution) else recurrence
    return call(operands, *fields_of(op))


library = torch.library.Library("mlir_ssm", "FRAGMENT")
FIELDS = "str spec, str mixing, str projection, bool reverse, str read, str strategy, str numerics"


def primitive(schema, read, vmap, gradients):
    """Defines an operator with a kernel for the CPU, shapes without data, a batching rule and derivatives: `read` makes the
    op of its last arguments, and `gradients` has those of the operands, as `vjp` of an op. Returns a function of a list of
    operands and of these arguments.

    PyTorch's own way to register a gradient, custom_op, refuses torch.func.grad and ignores torch.func.jvp
    (https://github.com/pytorch/pytorch/issues/170834), so the kernel for the key Autograd is our own.
    """
    name = library.define(schema, tags=(torch.Tag.pt2_compliant_tag,))
    operator = getattr(torch.ops.mlir_ssm, name).default
    is_list = "Tensor[]" in schema
    returns = list if schema.endswith("Tensor[]") else tuple
    single = schema.endswith("-> Tensor")

    def split(arguments):
        return (arguments[0], arguments[1:]) if is_list else (arguments[:2], arguments[2:])

    def join(operands, fields):
        return (list(operands), *fields) if is_list else (*operands, *fields)

    def many(results):
        return (results,) if single else results

    def pack(results):
        return results[0] if single else returns(results)

    def run(*arguments):
        operands, fields = split(arguments)
        return pack(launch(read(*fields), operands))

    def shapes(*arguments):
        operands, fields = split(arguments)
        return pack(empty(read(*fields), operands))

    def batched(info, dims, *arguments):
        (operands, fields), (dims, _) = split(arguments), split(dims)
        results, places = vmap(read(*fields), info.batch_size, operands, dims)
        return pack(results), pack(places)

    class Derivatives(torch.autograd.function._SingleLevelFunction):
        @staticmethod
        def forward(ctx, keys, modes, fields, *operands):
            with torch.set_grad_enabled(modes[0]), forward_ad._set_fwd_grad_enabled(modes[1]):  # for transforms further out
                results = below(keys, operands, fields)
            ctx.fields = fields
            ctx.save_for_backward(*operands, *(results if read(*fields).reads_results else ()))
            ctx.save_for_forward(*operands)
            return tuple(results)

        @staticmethod
        def backward(ctx, *cotangents):
            kept, needed = ctx.saved_tensors, ctx.needs_input_grad[3:]
            operands, results = kept[:len(needed)], kept[len(needed):]
            return None, None, None, *gradients(read(*ctx.fields), operands, results, cotangents, needed)

        @staticmethod
        def jvp(ctx, _keys, _modes, _fields, *tangents):
            operands = [forward_ad.unpack_dual(x).primal for x in ctx.saved_tensors]
            with forward_ad._set_fwd_grad_enabled(True):  # as in forward
                return read(*ctx.fields).jvp(Library, operands, tangents)

    def below(keys, operands, fields):
        with torch._C._AutoDispatchBelowAutograd():
            return many(operator.redispatch(keys & torch._C._after_autograd_keyset, *join(operands, fields)))

    def differentiate(keys, *arguments):
        operands, fields = split(arguments)
        if torch.is_grad_enabled() and any(x.requires_grad for x in operands) or have_tangents(operands):
            modes = torch.is_grad_enabled(), torch._C._is_fwd_grad_enabled()
            with enable_single_level_autograd_function():
                return pack(Derivatives.apply(keys, modes, fields, *operands))
        return pack(below(keys, operands, fields))

    library.impl(name, run, "CPU")
    library.impl(name, differentiate, "Autograd", with_keyset=True)
    torch.library.register_fake(operator, shapes, lib=library)
    torch.library.register_vmap(operator, batched, lib=library)
    return lambda operands, *fields: many(operator(*join(operands, fields)))


def have_tangents(tensors):
    return forward_ad._current_level >= 0 and any(forward_ad.unpack_dual(x).tangent is not None for x in tensors)


class Library:
    """What the gradients of _ops are made of."""

    run = staticmethod(apply)
    conj = staticmethod(torch.conj)
    concatenate = staticmethod(torch.cat)
    ones_like = staticmethod(torch.ones_like)
    specs = staticmethod(specs)

    @staticmethod
    def dtype(x):
        return NUMPY[x.dtype]

    @staticmethod
    def flip(x, axis):
        return x.flip(axis)

    @staticmethod
    def resize(x, axis, size):
        """x along an axis cut to `size`, or continued by zeros."""
        x = x.narrow(axis, 0, min(size, x.shape[axis]))
        return torch.nn.functional.pad(x, (0, 0) * (x.ndim - 1 - axis) + (0, size - x.shape[axis]))

    @staticmethod
    def product(letters, sizes, dtype, *factors):
        """The product of factors (letters, tensor), summed over all other letters and repeated along missing ones."""
        have = set("".join(m for m, _ in factors))
        kept = "".join(k for k in letters if k in have)
        wide = functools.reduce(torch.promote_types, [x.dtype for _, x in factors])
        if wide in (torch.float16, torch.bfloat16):
            wide = torch.float32
        if have == set(kept):  # nothing is summed
            y = functools.reduce(torch.mul, [align(x.to(wide), m, kept) for m, x in factors])
        else:
            y = torch.einsum(",".join(m for m, _ in factors) + "->" + kept, *(x.to(wide) for _, x in factors))
        if wide.is_complex and not is_complex_dtype(dtype):
            y = y.real
        for i, k in enumerate(letters):
            if k not in have:
                y = y.unsqueeze(i)
        return y.expand([sizes[k] for k in letters]).to(TORCH[dtype])


def align(x, letters, target):
    """x with its axes in the order of `target`, and one of size 1 for each letter that it lacks."""
    x = x.permute([letters.index(k) for k in target if k in letters])
    for i, k in enumerate(target):
        if k not in letters:
            x = x.unsqueeze(i)
    return x


def batch(op, _, operands, dims):
    """The results of an op along a further axis of operands, and where these have it."""
    moved = [x if d is None else x.movedim(d, 0) for x, d in zip(operands, dims)]
    inner = [x if d is None else x[0] for x, d in zip(moved, dims)]
    results = apply(op.batch([d is not None for d in dims]), *moved)
    return results, tuple(0 if y.ndim > len(shape) else None
                          for y, (shape, _) in zip(results, op.results(specs(inner))))


def batch_gradient(gradient, size, operands, dims):
    wider = gradient.batch()
    moved = [x.expand(size, *x.shape) if d is None else x.movedim(d, 0) for x, d in zip(operands, dims)]
    return recurrence_gradient(moved, *fields_of(wider.op)), [0] * len(wider.op.names)


def gradients(op, operands, results, cotangents, needed):
    return op.vjp(Library, operands, results, cotangents, needed)


def gradients_of_recurrence(op, operands, results, cotangents, needed):
    """By one kernel where that is the faster way; it has no tangents."""
    if needed[op.names.index("a")] and _ops.RecurrenceGradient(op).suits(specs(operands)) and forward_ad._current_level < 0:
        return recurrence_gradient([*operands, *cotangents], *fields_of(op))
    return gradients(op, operands, results, cotangents, needed)


def gradients_of_gradient(gradient, operands, results, cotangents, needed):
    """Of what is computed by operators that can be differentiated."""
    def several(*operands):
        *operands, dy, dfinal = operands
        return gradient.op.vjp(Library, operands, apply(gradient.op, *operands), (dy, dfinal))
    return torch.func.vjp(several, *operands)[1](tuple(cotangents))


recurrence = primitive(f"recurrence(Tensor[] operands, {FIELDS}) -> (Tensor, Tensor)", read_recurrence, batch,
                       gradients_of_recurrence)
# Of the operands of a recurrence, from them and the cotangents of its two results; see _ops.RecurrenceGradient.
recurrence_gradient = primitive(f"recurrence_gradient(Tensor[] operands, {FIELDS}) -> Tensor[]", read_gradient,
                                batch_gradient, gradients_of_gradient)
convolution = primitive("convolution(Tensor u, Tensor k, str spec, str direction, str strategy, str numerics) -> Tensor",
                        read_convolution, batch, gradients)


# The functions: operators that decompose into the two above, and in front of each a function that makes tensors of its
# arguments.

def operator(schema):
    """Registers a function as an operator, which it returns."""
    def register(function):
        name = library.define(schema)
        library.impl(name, function, "CompositeImplicitAutograd")
        library.impl(name, function, "FuncTorchBatchedDecomposition")  # else vmap is a loop
        torch.library.register_autocast(f"mlir_ssm::{name}", "cpu", torch.float32, lib=library)  # as torch.cumsum
        return getattr(torch.ops.mlir_ssm, name).default
    return register


def as_tensors(names, values):
    """None stays what it is, but for the first one."""
    tensors = []
    for name, x in zip(names, values):
        if x is None and tensors:
            tensors.append(None)
            continue
        try:
            x = x if isinstance(x, torch.Tensor) else torch.as_tensor(x)
        except (TypeError, ValueError, RuntimeError) as error:
            raise TypeError(f"{name}: expected a tensor, but {type(x).__name__} cannot become one: {error}") from None
        if x.dtype not in NUMPY:
            raise TypeError(f"{name}: the dtype must be one of {', '.join(map(str, NUMPY))}, but it is {x.dtype}")
        if x.device.type not in ("cpu", "meta"):
            raise ValueError(f"{name}: expected a tensor on the CPU, but it is on {x.device}; move it with cpu()")
        if tensors and x.device != tensors[0].device:
            raise ValueError(f"{name}: expected a tensor on the device of {names[0]}, {tensors[0].device}, but it is on "
                             f"{x.device}")
        tensors.append(x)
    return tensors


def run_form(make, names, operands, strategy, numerics, *key):
    """The recurrence that make(names, specs) describes, which depends on `key` beside."""
    given = [(n, x) for n, x in zip(names, operands) if x is not None]
    names, operands = zip(*given)

    def build():
        like = specs(operands)
        form = make(list(names), like)
        op, kept = _ops.recurrence(form, like, strategy, numerics)
        return form, op, [(i, form.shapes[names[i]]) for i in kept]
    key = ("torch", names, *((x.shape, x.dtype) for x in operands), strategy, numerics, *key)
    form, op, kept = plans.get(key, build)
    return form, apply(op, *(operands[i] if shape is None else operands[i].reshape(shape) for i, shape in kept))


@operator("linear_recurrence(Tensor a, Tensor x, Tensor? init, int axis, bool reverse, str transition, str strategy, "
          "str numerics) -> (Tensor states, Tensor final)")
def linear_recurrence_op(a, x, init, axis, reverse, transition, strategy, numerics):
    check_choice(transition, ("diagonal", "dense"), "transition")
    axis = check_axis(axis, x.ndim, "x")

    def make(names, operands):
        return form_linear_recurrence(names, operands, axis, reverse, transition)
    return run_form(make, ("a", "x", "init"), (a, x, init), strategy, numerics, axis, reverse, transition)[1]


def linear_recurrence(a, x, *, init=None, axis=1, reverse=False, transition="diagonal", strategy="auto",
                      numerics="norm"):
    """mlir_ssm.linear_recurrence on tensors, with transition "diagonal" or "dense"."""
    a, x, init = as_tensors(("a", "x", "init"), (a, x, init))
    return linear_recurrence_op(a, x, init, axis, check_flag(reverse, "reverse"), transition, strategy, numerics)


@operator("state_space(str spec, Tensor a, Tensor b, Tensor c, Tensor u, Tensor? d, Tensor? init, str output, bool reverse, "
          "str read, str strategy, str numerics) -> (Tensor y, Tensor final)")
def state_space_op(spec, a, b, c, u, d, init, output, reverse, read, strategy, numerics):
    def make(names, operands):
        return form_state_space(spec, names, operands, output, reverse, read)
    form, (y, final) = run_form(make, ("a", "b", "c", "u", "d", "init"), (a, b, c, u, d, init), strategy, numerics, spec,
                                output, reverse, read)
    if d is None:
        return y, final
    if (d.is_complex() or u.is_complex()) and not y.is_complex():
        raise TypeError("d: with a real output expected a real d and u, but they are complex")
    du = d * u.permute([form.feedthrough.index(k) for k in form.y])
    return y + du.to(y.dtype), final


def state_space(spec, a, b, c, u, d=None, *, init=None, output="none", reverse=False, read="after", strategy="auto",
                numerics="norm"):
    """mlir_ssm.state_space on tensors."""
    a, b, c, u, d, init = as_tensors(("a", "b", "c", "u", "d", "init"), (a, b, c, u, d, init))
    return state_space_op(spec, a, b, c, u, d, init, output, check_flag(reverse, "reverse"), read, strategy, numerics)


@operator("long_conv(Tensor u, Tensor k, int axis, str mode, str strategy, str numerics) -> Tensor")
def long_conv_op(u, k, axis, mode, strategy, numerics):
    axis = check_axis(axis, u.ndim, "u")
    op, shape = plans.get(("torch", u.shape, u.dtype, k.shape, k.dtype, axis, mode, strategy, numerics),
                          lambda: _ops.convolution(*specs((u, k)), axis, mode, strategy, numerics))
    k = _ops.unrolled(Library, k, u.shape[axis], mode)
    return apply(op, u, k.reshape(*shape, k.shape[-1]))[0]


def long_conv(u, k, *, axis=-1, mode="causal", strategy="auto", numerics="norm"):
    """mlir_ssm.long_conv on tensors."""
    return long_conv_op(*as_tensors("uk", (u, k)), axis, mode, strategy, numerics)


EXTREMA = {id(f): scan for fs, scan in (((torch.maximum, np.maximum, max, ssm_maximum), torch.cummax),
                                         ((torch.minimum, np.minimum, min, ssm_minimum), torch.cummin)) for f in fs}
NAMED = {id(f): name for fs, name in (((torch.add, np.add), "sum"), ((torch.mul, torch.multiply, np.multiply), "product"))
         for f in fs}


def associative_scan(fn, xs, *, axis=0, reverse=False, strategy="auto"):
    """mlir_ssm.associative_scan on tensors, for combiners that have a gradient: sums, products, maxima, minima and the
    composition of affine pairs. For others, ValueError."""
    many = isinstance(xs, (tuple, list))
    arrays = as_tensors([f"xs[{i}]" for i in range(len(xs))] if many else ["xs"], xs if many else [xs])
    reverse = check_flag(reverse, "reverse")
    axis = _monoids.check_arrays(arrays, axis)
    if not many and id(fn) in EXTREMA:
        x = arrays[0].flip(axis) if reverse else arrays[0]
        y = EXTREMA[id(fn)](x, axis).values
        return y.flip(axis) if reverse else y
    monoid = NAMED.get(id(fn)) or _monoids.recognize(fn, len(arrays) if many else 0, "torch",
                                                     "mlir_ssm.associative_scan, which has no gradient")
    run = functools.partial(linear_recurrence, axis=axis, reverse=reverse, strategy=strategy)
    results = _monoids.scan(monoid, arrays, axis, run, torch)
    return type(xs)(results) if many else results[0]
