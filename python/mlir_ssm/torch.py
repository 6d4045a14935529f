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
from collections.abc import Sequence

import ml_dtypes
import numpy as np

from . import _monoids, _ops
from ._arrays import ELEMENTS, check_axis, check_choice, check_flag
from ._compile import plans
from ._ops import dtype_of, is_complex_dtype
from ._recurrence import form_linear_recurrence, form_state_space
from ._scan import maximum as ssm_maximum
from ._scan import minimum as ssm_minimum

try:
    import torch
    from torch import Tensor
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
    return tuple(map(from_numpy, plan(arrays)))


# The two operators. `spec` has the letters of the axes, as in "a:h, u:bth -> bth, bh"; `mixing` is "", or the letters of
# a dense transition's row and column.

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
def read_convolution(spec, *fields):
    if not (found := re.fullmatch(r"u:([a-z]*), k:([a-z]*) -> ([a-z]*)", spec)):
        raise ValueError(f"spec: expected axes such as 'u:bht, k:ht -> bht', but it is {spec!r}")
    u, k, y = found.groups()
    return _ops.Convolution((u, k), y, *fields)


def apply(op, *operands):
    """The operator of an op; a tuple of its results."""
    if isinstance(op, _ops.Convolution):
        return (torch.ops.mlir_ssm.convolution(*operands, op.spec, op.direction, op.strategy, op.numerics),)
    mixing = "".join(letter for _, letter in op.mixing)
    return torch.ops.mlir_ssm.recurrence(operands, op.spec, mixing, op.projection, op.reverse, op.read, op.strategy,
                                         op.numerics)


@torch.library.custom_op("mlir_ssm::recurrence", mutates_args=(), device_types="cpu")
def recurrence(operands: Sequence[Tensor], spec: str, mixing: str, projection: str, reverse: bool, read: str,
               strategy: str, numerics: str) -> tuple[Tensor, Tensor]:
    return launch(read_recurrence(spec, mixing, projection, reverse, read, strategy, numerics), operands)


@torch.library.custom_op("mlir_ssm::convolution", mutates_args=(), device_types="cpu")
def convolution(u: Tensor, k: Tensor, spec: str, direction: str, strategy: str, numerics: str) -> Tensor:
    return launch(read_convolution(spec, direction, strategy, numerics), (u, k))[0]


@torch.library.custom_op("mlir_ssm::recurrence_gradient", mutates_args=(), device_types="cpu")
def recurrence_gradient(operands: Sequence[Tensor], spec: str, mixing: str, projection: str, reverse: bool, read: str,
                        strategy: str, numerics: str) -> list[Tensor]:
    """Of the operands of a recurrence, from them and the cotangents of its two results; see _ops.RecurrenceGradient."""
    op = _ops.RecurrenceGradient(read_recurrence(spec, mixing, projection, reverse, read, strategy, numerics))
    return list(launch(op, operands))


@recurrence.register_fake
def _(operands, *fields):
    return empty(read_recurrence(*fields), operands)


@recurrence_gradient.register_fake
def _(operands, *fields):
    return list(empty(_ops.RecurrenceGradient(read_recurrence(*fields)), operands))


@convolution.register_fake
def _(u, k, *fields):
    return empty(read_convolution(*fields), (u, k))[0]


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


def keep_recurrence(ctx, inputs, output):
    operands, *ctx.fields = inputs
    ctx.save_for_backward(*operands, *output)


@functools.partial(recurrence.register_autograd, setup_context=keep_recurrence)
def _(ctx, *cotangents):
    op = read_recurrence(*ctx.fields)
    count = len(op.names)
    kept = ctx.saved_tensors
    operands, results = kept[:count], kept[count:]
    if all(ctx.needs_input_grad[0]) and _ops.RecurrenceGradient(op).suits(specs(operands)):
        grads = torch.ops.mlir_ssm.recurrence_gradient([*operands, *cotangents], *ctx.fields)
    else:
        grads = op.vjp(Library, operands, results, cotangents, ctx.needs_input_grad[0])
    return list(grads), *[None] * len(ctx.fields)


def gradient_of_several(op, *operands):
    """What recurrence_gradient computes, by operators that can be differentiated."""
    *operands, dy, dfinal = operands
    return op.vjp(Library, operands, apply(op, *operands), (dy, dfinal))


def keep_gradient(ctx, inputs, output):
    operands, *ctx.fields = inputs
    ctx.save_for_backward(*operands)


@functools.partial(recurrence_gradient.register_autograd, setup_context=keep_gradient)
def _(ctx, cotangents):
    further = torch.is_grad_enabled()  # create_graph: the result is to be differentiated as well
    with torch.enable_grad():
        operands = [x.view_as(x) if x.requires_grad else x.detach().requires_grad_() for x in ctx.saved_tensors]
        grads = gradient_of_several(read_recurrence(*ctx.fields), *operands)
    return (list(torch.autograd.grad(grads, operands, cotangents, create_graph=further)), *[None] * len(ctx.fields))


def keep_convolution(ctx, inputs, output):
    u, k, *ctx.fields = inputs
    ctx.save_for_backward(u, k)


@functools.partial(convolution.register_autograd, setup_context=keep_convolution)
def _(ctx, cotangent):
    op = read_convolution(*ctx.fields)
    grads = op.vjp(Library, ctx.saved_tensors, None, (cotangent,), ctx.needs_input_grad[:2])
    return *grads, *[None] * len(ctx.fields)


def batch(op, operands, dims):
    """The results of an op along a further axis of operands, and where these have it."""
    moved = [x if d is None else x.movedim(d, 0) for x, d in zip(operands, dims)]
    inner = [x if d is None else x[0] for x, d in zip(moved, dims)]
    results = apply(op.batch([d is not None for d in dims]), *moved)
    return results, tuple(0 if y.ndim > len(shape) else None
                          for y, (shape, _) in zip(results, op.results(specs(inner))))


@recurrence.register_vmap
def _(info, dims, operands, *fields):
    return batch(read_recurrence(*fields), operands, dims[0])


@recurrence_gradient.register_vmap
def _(info, dims, operands, *fields):
    wider = _ops.RecurrenceGradient(read_recurrence(*fields)).batch()
    moved = [x.expand(info.batch_size, *x.shape) if d is None else x.movedim(d, 0) for x, d in zip(operands, dims[0])]
    return torch.ops.mlir_ssm.recurrence_gradient(moved, wider.op.spec, *fields[1:]), [0] * len(wider.op.names)


@convolution.register_vmap
def _(info, dims, u, k, *fields):
    (y,), (place,) = batch(read_convolution(*fields), (u, k), dims[:2])
    return y, place


# The functions: operators that decompose into the two above, and in front of each a function that makes tensors of its
# arguments.

library = torch.library.Library("mlir_ssm", "FRAGMENT")


def operator(schema):
    """Registers a function as an operator, which it returns."""
    def register(function):
        name = library.define(schema)
        library.impl(name, function, "CompositeImplicitAutograd")
        return getattr(torch.ops.mlir_ssm, name).default
    return register


def as_tensors(names, values):
    tensors = []
    for name, x in zip(names, values):
        try:
            x = torch.as_tensor(x)
        except (TypeError, ValueError, RuntimeError) as error:
            raise TypeError(f"{name}: expected a tensor, but {type(x).__name__} cannot become one: {error}") from None
        if x.dtype not in NUMPY:
            raise TypeError(f"{name}: the dtype must be one of {', '.join(map(str, NUMPY))}, but it is {x.dtype}")
        if x.device.type not in ("cpu", "meta"):
            raise ValueError(f"{name}: expected a tensor on the CPU, but it is on {x.device}; move it with cpu()")
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
    a, x = as_tensors(("a", "x"), (a, x))
    init = init if init is None else as_tensors(["init"], [init])[0]
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
    a, b, c, u = as_tensors("abcu", (a, b, c, u))
    d = d if d is None else as_tensors(["d"], [d])[0]
    init = init if init is None else as_tensors(["init"], [init])[0]
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
