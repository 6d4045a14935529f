"""Kernels on the first device, by the CUDA driver alone."""

import ctypes
import json
import math

import numpy as np


# CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES of the CUDA Driver API.
MAX_DYNAMIC_SHARED_BYTES = 8


class Absent(Exception):
    """Something that this machine does not have."""


class Driver:
    """The first device, by its driver. Every call that fails is an error."""

    def __init__(self):
        try:
            self.cuda = ctypes.CDLL("libcuda.so.1")
        except OSError as error:
            raise Absent(f"there is no CUDA driver: {error}") from None
        self("cuInit", 0)
        device, context = ctypes.c_int(), ctypes.c_void_p()
        self("cuDeviceGet", ctypes.byref(device), 0)
        self("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
        self("cuCtxSetCurrent", context)
        name = ctypes.create_string_buffer(256)
        self("cuDeviceGetName", name, 256, device)
        self.name = name.value.decode()
        self.multiprocessors, kilohertz = (self.attribute(n, device) for n in (16, 13))
        # Each multiprocessor has 16 special function units.
        self.exponentials = 16 * self.multiprocessors * kilohertz * 1e3

    def __call__(self, name, *args):
        if status := getattr(self.cuda, name)(*args):
            text = ctypes.c_char_p()
            self.cuda.cuGetErrorString(status, ctypes.byref(text))
            raise RuntimeError(f"{name} failed: {(text.value or b'unknown error').decode()} ({status})")

    def is_alive(self):
        """Whether what ran did not fail in a way that all calls after it fail too."""
        return self.cuda.cuCtxSynchronize() == 0

    def attribute(self, number, device):
        value = ctypes.c_int()
        self("cuDeviceGetAttribute", ctypes.byref(value), number, device)
        return value.value

    def time(self, prepare, run, repeats):
        """Seconds of each run on the device, what prepares it left out."""
        events = [ctypes.c_void_p() for _ in range(2)]
        for event in events:
            self("cuEventCreate", ctypes.byref(event), 0)
        seconds = []
        for _ in range(repeats):
            prepare()
            self("cuEventRecord", events[0], None)
            run()
            self("cuEventRecord", events[1], None)
            self("cuEventSynchronize", events[1])
            milliseconds = ctypes.c_float()
            self("cuEventElapsedTime", ctypes.byref(milliseconds), *events)
            seconds.append(milliseconds.value * 1e-3)
        for event in events:
            self("cuEventDestroy_v2", event)
        return seconds


class Buffer:
    """Memory of the device, with the contents of an array if there is one."""

    def __init__(self, driver, size, array=None):
        self.driver, self.size, self.address = driver, size, ctypes.c_uint64()
        driver("cuMemAlloc_v2", ctypes.byref(self.address), ctypes.c_size_t(max(size, 1)))
        if array is not None:
            driver("cuMemcpyHtoD_v2", self.address, ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(size))

    def read(self, shape, dtype):
        array = np.empty(shape, dtype)
        self.driver("cuMemcpyDtoH_v2", ctypes.c_void_p(array.ctypes.data), self.address, ctypes.c_size_t(array.nbytes))
        return array

    def clear(self):
        """Zeroes it, behind what the device does already; does not wait."""
        self.driver("cuMemsetD8_v2", self.address, 0, ctypes.c_size_t(self.size))

    def free(self):
        self.driver("cuMemFree_v2", self.address)


def sequence(launch):
    """Its kernels, in the order in which they run."""
    return [launch, *launch["then"]]


def count_workspace(launch, sizes):
    """Its bytes."""
    return (launch["workspace_bytes"] + sum(count_blocks(k, sizes) * k["workspace_bytes_per_block"] for k in sequence(launch))
            + sum(count_blocks(region, sizes) * region["bytes"] for region in launch["workspace"]))


def count_blocks(launch, sizes):
    """The grid of a kernel, or of a region of the workspace, as docs/GPU.md has it."""
    blocks = 1
    for factor in launch["grid"]:
        elements = math.prod(sizes[-n - 1] if n < 0 else n for n in factor["elements"])
        blocks *= max(factor["least"], -(-elements // factor["per_block"]))
    return blocks


def dtype_of(name):
    """NumPy has no bfloat16: its bits."""
    return np.dtype(np.uint16 if name == "bfloat16" else name)


def allow_shared(driver, function, kernel):
    """Lets a kernel have as much shared memory as its launch gives it: beyond 48 KiB it has to ask."""
    if kernel["shared_bytes"]:
        driver("cuFuncSetAttribute", function, MAX_DYNAMIC_SHARED_BYTES, kernel["shared_bytes"])


class Kernel:
    """An entry of a JSON file, on arrays."""

    def __init__(self, driver, stem):
        self.driver, self.buffers = driver, []
        self.launch, = json.loads(stem.with_suffix(".json").read_text())["kernels"]
        self.module = ctypes.c_void_p()
        driver("cuModuleLoadData", ctypes.byref(self.module), read_code(stem) + b"\0")
        self.functions = []
        for kernel in sequence(self.launch):
            self.functions.append(ctypes.c_void_p())
            driver("cuModuleGetFunction", ctypes.byref(self.functions[-1]), self.module, kernel["entry"].encode())
            allow_shared(driver, self.functions[-1], kernel)

    def bind(self, inputs):
        """Its inputs and outputs become arrays of the device: buffer, shape and dtype."""
        sizes = {}
        for spec, array in zip(self.launch["inputs"], inputs, strict=True):
            sizes |= {int(n[1:]): size for n, size in zip(spec["shape"], array.shape, strict=True) if isinstance(n, str)}
        self.inputs = [(self.allocate(x.nbytes, x), x.shape, x.dtype) for x in inputs]
        self.outputs = []
        for spec in self.launch["outputs"]:
            shape, dtype = [sizes[int(n[1:])] if isinstance(n, str) else n for n in spec["shape"]], dtype_of(spec["dtype"])
            self.outputs.append((self.allocate(math.prod(shape) * dtype.itemsize), shape, dtype))
        values = [b.address for b in self.buffers] + [ctypes.c_int64(sizes[k]) for k in sorted(sizes)]
        size = count_workspace(self.launch, sizes)
        self.workspace = self.allocate(size) if size else None
        if self.workspace:
            values.append(self.workspace.address)
        self.arguments = (ctypes.c_void_p * len(values))(*(ctypes.addressof(v) for v in values))
        # What the arguments point to lives as long.
        self.values = values
        self.grids = [(function, count_blocks(kernel, sizes), kernel["block"], kernel["shared_bytes"])
                      for function, kernel in zip(self.functions, sequence(self.launch))]

    def allocate(self, size, array=None):
        self.buffers.append(Buffer(self.driver, size, array))
        return self.buffers[-1]

    def prepare(self):
        """What each run needs to find."""
        if self.workspace and self.launch["workspace_zero"]:
            self.workspace.clear()

    def run(self):
        for function, blocks, threads, shared in self.grids:
            if blocks:
                self.driver("cuLaunchKernel", function, blocks, 1, 1, threads, 1, 1, shared, None, self.arguments, None)

    def read(self):
        return [buffer.read(shape, dtype) for buffer, shape, dtype in self.outputs]

    def free(self):
        for buffer in self.buffers:
            buffer.free()
        self.driver("cuModuleUnload", self.module)


def read_code(stem):
    """A cubin where there is one, else PTX, which the driver compiles."""
    cubin = stem.with_suffix(".cubin")
    return (cubin if cubin.exists() else stem.with_suffix(".ptx")).read_bytes()
