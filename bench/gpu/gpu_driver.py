"""Kernels on the first device, by the CUDA driver alone."""

import ctypes
import json
import math

import numpy as np


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

    def attribute(self, number, device):
        value = ctypes.c_int()
        self("cuDeviceGetAttribute", ctypes.byref(value), number, device)
        return value.value

    def time(self, call, repeats):
        """Seconds of each run on the device; the first run is not timed."""
        events = [ctypes.c_void_p() for _ in range(2)]
        for event in events:
            self("cuEventCreate", ctypes.byref(event), 0)
        seconds = []
        for _ in range(repeats + 1):
            prepare, run = call
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
        return seconds[1:]


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


class Kernel:
    """An entry of a JSON file, on arrays."""

    def __init__(self, driver, stem):
        self.driver = driver
        self.launch, = json.loads(stem.with_suffix(".json").read_text())["kernels"]
        self.module = ctypes.c_void_p()
        driver("cuModuleLoadData", ctypes.byref(self.module), stem.with_suffix(".ptx").read_bytes() + b"\0")
        self.functions = []
        for kernel in sequence(self.launch):
            self.functions.append(ctypes.c_void_p())
            driver("cuModuleGetFunction", ctypes.byref(self.functions[-1]), self.module, kernel["entry"].encode())

    def bind(self, inputs):
        """Functions that prepare a run and run, and one that reads the results."""
        sizes = {}
        for spec, array in zip(self.launch["inputs"], inputs, strict=True):
            sizes |= {int(n[1:]): size for n, size in zip(spec["shape"], array.shape, strict=True) if isinstance(n, str)}
        outputs = [([sizes[int(n[1:])] if isinstance(n, str) else n for n in spec["shape"]], dtype_of(spec["dtype"]))
                   for spec in self.launch["outputs"]]
        buffers = [Buffer(self.driver, x.nbytes, x) for x in inputs]
        buffers += [Buffer(self.driver, math.prod(shape) * dtype.itemsize) for shape, dtype in outputs]
        values = [b.address for b in buffers] + [ctypes.c_int64(sizes[k]) for k in sorted(sizes)]
        workspace = count_workspace(self.launch, sizes)
        if workspace:
            buffers.append(Buffer(self.driver, workspace))
            values.append(buffers[-1].address)
        pointers = (ctypes.c_void_p * len(values))(*(ctypes.addressof(v) for v in values))

        def prepare():
            if self.launch["workspace_zero"]:
                self.driver("cuMemsetD8_v2", buffers[-1].address, 0, ctypes.c_size_t(workspace))

        def run():
            for function, kernel in zip(self.functions, sequence(self.launch)):
                if blocks := count_blocks(kernel, sizes):
                    self.driver("cuLaunchKernel", function, blocks, 1, 1, kernel["block"], 1, 1, 0, None, pointers, None)

        def read():
            return [b.read(*output) for b, output in zip(buffers[len(inputs):], outputs)]

        self.buffers = buffers
        return prepare, run, read

    def free(self):
        for buffer in self.buffers:
            buffer.free()
        self.driver("cuModuleUnload", self.module)
