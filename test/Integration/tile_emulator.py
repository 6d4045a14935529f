"""Runs kernels for CPUs with AMX on those without: the very LLVM IR, with the instructions as functions on memory.

    kernel = compile_tiles(text, tmp_path)
    outputs = kernel.bind(*arrays)()
    kernel.number("emulated_products")
"""

import ctypes
import re
import subprocess
from pathlib import Path

from compiled import Kernel
from harness import tool

TARGET = "sapphirerapids"
SOURCE = Path(__file__).with_suffix(".c")

# A tile is a value of 1 KiB; the emulator has it in memory.
FUNCTIONS = """
define internal TILE @tile_load(i16 %rows, i16 %bytes, ptr %from, i64 %stride) {
  %t = alloca TILE
  call void @emulated_load(ptr %t, i16 %rows, i16 %bytes, ptr %from, i64 %stride)
  %r = load TILE, ptr %t
  ret TILE %r
}
define internal void @tile_store(i16 %rows, i16 %bytes, ptr %to, i64 %stride, TILE %x) {
  %t = alloca TILE
  store TILE %x, ptr %t
  call void @emulated_store(i16 %rows, i16 %bytes, ptr %to, i64 %stride, ptr %t)
  ret void
}
define internal TILE @tile_product(i16 %rows, i16 %bytes, i16 %depth, TILE %c, TILE %a, TILE %b) {
  %tc = alloca TILE
  %ta = alloca TILE
  %tb = alloca TILE
  store TILE %c, ptr %tc
  store TILE %a, ptr %ta
  store TILE %b, ptr %tb
  call void @emulated_product(ptr %tc, i16 %rows, i16 %bytes, i16 %depth, ptr %tc, ptr %ta, ptr %tb)
  %r = load TILE, ptr %tc
  ret TILE %r
}
define internal <16 x bfloat> @round(<16 x float> %x) {
  %from = alloca <16 x float>
  %to = alloca <16 x bfloat>
  store <16 x float> %x, ptr %from
  call void @emulated_round(ptr %to, ptr %from)
  %r = load <16 x bfloat>, ptr %to
  ret <16 x bfloat> %r
}
declare void @emulated_load(ptr, i16, i16, ptr, i64)
declare void @emulated_store(i16, i16, ptr, i64, ptr)
declare void @emulated_product(ptr, i16, i16, i16, ptr, ptr, ptr)
declare void @emulated_round(ptr, ptr)
"""
NAMES = {"llvm.x86.tileloadd64.internal": "tile_load", "llvm.x86.tilestored64.internal": "tile_store",
         "llvm.x86.tdpbf16ps.internal": "tile_product", "llvm.x86.avx512bf16.cvtneps2bf16.512": "round",
         "syscall": "emulated_syscall"}


class TileKernel(Kernel):
    def number(self, name):
        """A counter of the emulator, which its C program may set as well."""
        return ctypes.c_long.in_dll(self.code, name)


def emulated(code):
    """LLVM IR for a CPU with AMX as that for any."""
    for name, function in NAMES.items():
        if function != "emulated_syscall":
            code = re.sub(rf"^declare .*@{re.escape(name)}\(.*\n", "", code, flags=re.M)
        code = code.replace(f"@{name}(", f"@{function}(")
    code = re.sub(r'"target-(cpu|features)"="[^"]*"', "", code)
    return code.replace("x86_amx", "<256 x i32>") + FUNCTIONS.replace("TILE", "<256 x i32>")


def compile_tiles(text, folder, threads=1):
    model, code, library = (folder / f"tiles{threads}.{suffix}" for suffix in ("mlir", "ll", "so"))
    model.write_text(text)
    (folder / "rates").write_text("forkJoin = 1e-12\n")  # Threads, however little there is to share.
    tool("ssm-compile", model, "--emit=llvm", "-o", code, f"--target={TARGET}", f"--threads={threads}",
         f"--rates={folder / 'rates'}")
    code.write_text(emulated(code.read_text()))
    subprocess.run(["clang++-22", "-shared", "-fPIC", "-O1", "-march=native", "-ffp-contract=off", "-fopenmp",
                    "-Wno-override-module", "-x", "c", SOURCE, "-x", "ir", code, "-o", library], check=True)
    return TileKernel(library, "f", 0, "")
