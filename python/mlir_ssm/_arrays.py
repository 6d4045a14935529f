"""Arrays that come in: what they may be, and messages about what they are."""

import numpy as np

# Element types of MLIR by the names of NumPy's dtypes.
ELEMENTS = {
    "float16": "f16",
    "bfloat16": "bf16",
    "float32": "f32",
    "float64": "f64",
    "complex64": "complex<f32>",
    "complex128": "complex<f64>",
}
INTEGERS = {"bool": "i1", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64"}


def describe(x):
    """E.g. "float32[2, 3]"."""
    return f"{x.dtype}[{', '.join(map(str, x.shape))}]"


def as_array(x, name):
    """x as a NumPy array, without a copy where its memory can be shared.

    Arrays of other libraries come in by DLPack; what has no memory of its own (lists, numbers) by np.asarray.
    """
    if isinstance(x, np.ndarray):
        return x.view(np.ndarray)
    try:
        if hasattr(x, "__dlpack__"):
            try:
                return np.from_dlpack(x)
            except (BufferError, RuntimeError):  # e.g. bfloat16, which NumPy's DLPack lacks
                pass
        return np.asarray(x)
    except Exception as error:
        raise TypeError(f"{name}: expected an array, but {type(x).__name__} cannot become one: {error}") from None


def as_arrays(names, values):
    return [x if type(x) is np.ndarray else as_array(x, name) for name, x in zip(names, values)]


def element(x, name, allowed=ELEMENTS):
    """The MLIR type of x's elements, e.g. "complex<f32>"."""
    found = allowed.get(x.dtype.name)
    if found is None or not x.dtype.isnative:
        raise TypeError(f"{name}: the dtype must be one of {', '.join(allowed)} in native byte order, but it is "
                        f"{x.dtype}")
    return found


def is_complex(element):
    return element.startswith("complex")


def real(element):
    """The real type of an element: f32 of complex<f32>."""
    return element.removeprefix("complex<").removesuffix(">")


def make_complex(real_type, name):
    if real_type not in ("f32", "f64"):
        raise TypeError(f"{name}: complex numbers have the dtype complex64 or complex128, whose parts are float32 or "
                        f"float64, but the other operands are {real_type}")
    return f"complex<{real_type}>"


def wide(real_type):
    """The real type of a state: at least 32 bits."""
    return "f32" if real_type in ("f16", "bf16") else real_type


def check_widths(names, arrays, allowed=ELEMENTS):
    """The MLIR element types of operands that must have one width."""
    elements = [element(x, name, allowed) for name, x in zip(names, arrays)]
    for name, x, e in zip(names, arrays, elements):
        if real(e) != real(elements[0]):
            raise TypeError(f"{name}: the dtype must have the width of {names[0]}, which is {arrays[0].dtype}, but it "
                            f"is {x.dtype}; convert one of them")
    return elements


def check_axis(axis, ndim, name):
    """The axis counted from 0."""
    position = check_integer(axis, "axis")
    if not -ndim <= position < ndim:
        raise ValueError(f"axis: expected an axis of {name}, which has {ndim}, but it is {axis}")
    return position % ndim


def check_flag(value, name):
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}: expected True or False, but it is {value!r}")
    return bool(value)


def check_integer(value, name):
    try:
        return value.__index__()
    except (AttributeError, TypeError):
        raise TypeError(f"{name}: expected an integer, but it is {type(value).__name__}") from None


def check_choice(value, choices, name):
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name}: expected {', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}, but it is "
                         f"{value!r}")
    return value


def broadcast_letters(shape, name, letters, sizes, against):
    """The letters of axes that broadcast against `letters`, and their sizes, without the axes of size 1.

    An axis of size 1 that stands for more is dropped: the array is shared along it.
    """
    kept, sizes_kept = "", []
    rule = f"{name}: expected a shape that broadcasts against {[sizes[k] for k in letters]} ({against}), but it is "
    if len(shape) > len(letters):
        raise ValueError(rule + str(list(shape)))
    for letter, size in zip(letters[len(letters) - len(shape):], shape):
        if size == sizes[letter]:
            kept += letter
            sizes_kept.append(size)
        elif size != 1:
            raise ValueError(rule + str(list(shape)))
    return kept, tuple(sizes_kept)
