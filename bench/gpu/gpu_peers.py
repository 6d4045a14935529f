"""What others have for the same, where it is installed."""

import functools
import importlib

import numpy as np
from gpu_driver import Absent


def need(module):
    try:
        return importlib.import_module(module)
    except Exception as error:
        raise Absent(f"{module} cannot be imported: {error}") from None


class OnDevice:
    """A buffer, as others read one: NumPy's description of it at a place of the device."""

    def __init__(self, buffer, shape, dtype):
        # NumPy has no bfloat16, and what reads this no bits without a sign.
        self.is_bf16 = dtype == np.uint16
        self.__cuda_array_interface__ = dict(version=2, shape=tuple(shape), data=(buffer.address.value, False),
                                             typestr=np.dtype(np.int16 if self.is_bf16 else dtype).str)

    def to_torch(self, torch):
        tensor = torch.as_tensor(self, device="cuda")
        return tensor.view(torch.bfloat16) if self.is_bf16 else tensor


class Peers:
    """What peers are made of."""

    @functools.cached_property
    def torch(self):
        return need("torch")

    def product(self, size):
        """A product of square matrices of bf16."""
        left, right = (self.torch.randn(size, size, device="cuda", dtype=self.torch.bfloat16) for _ in range(2))
        return lambda: left @ right

    def release(self):
        """The memory that torch keeps for its next tensors."""
        if "torch" in vars(self):
            self.torch.cuda.empty_cache()
