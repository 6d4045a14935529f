"""Arrays of the host, drawn and checked by all its cores: NumPy lets go of the interpreter meanwhile."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

# Elements at a time: small enough for caches, in float64 too.
BLOCK = 1 << 17

POOL = ThreadPoolExecutor(len(os.sched_getaffinity(0)))


def in_parallel(function, *items):
    return list(POOL.map(function, *items))


def fill(rng, shape, dtype, draw):
    """An array whose blocks have a stream of random numbers each: `draw(rng, block)`."""
    array = np.empty(shape, dtype)
    flat = array.reshape(-1)
    blocks = [flat[i : i + BLOCK] for i in range(0, flat.size, BLOCK)]
    in_parallel(draw, rng.spawn(len(blocks)), blocks)
    return array


def normal(rng, shape):
    return fill(rng, shape, np.float32, lambda rng, block: rng.standard_normal(out=block, dtype=np.float32))


def uniform(rng, shape, low, high):
    def draw(rng, block):
        rng.random(out=block, dtype=np.float32)
        block *= np.float32(high - low)
        block += np.float32(low)

    return fill(rng, shape, np.float32, draw)


def to_bf16(x):
    """The bits of the nearest ones."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def from_bf16(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def normal_bf16(rng, shape):
    def draw(rng, block):
        block[:] = to_bf16(rng.standard_normal(block.size, np.float32))

    return fill(rng, shape, np.uint16, draw)


def relative(got, want):
    """The norm of the error by that of what is wanted."""
    error = float(np.linalg.norm(got.astype(float) - want) / np.linalg.norm(want))
    return error if np.isfinite(error) else np.inf
