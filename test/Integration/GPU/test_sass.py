"""What the assembler makes of each kernel, on every generation: registers, the
width of accesses, products of matrices, and the instructions of hot loops."""

import json
import resource

import pytest
import sass
from gpu_convolutions import Conv
from gpu_driver import sequence
from gpu_kernels import KERNELS
from harness import tool
from mlir_text import Conv as LongConv
from mlir_text import program

CHIPS = ["sm_80", "sm_90a", "sm_100a", "sm_120a"]

needs_ptxas = pytest.mark.skipif(not sass.PTXAS, reason="there is no ptxas: the CUDA toolkit has it, or the wheel nvidia-cuda-nvcc")
needs_both = pytest.mark.skipif(not (sass.PTXAS and sass.NVDISASM), reason="there is no ptxas, or no nvdisasm: the CUDA toolkit has "
                                "both, and the wheel nvidia-cuda-nvdisasm the second")


@needs_ptxas
@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("name", KERNELS)
def test_kernels_stay_in_registers(name, chip, tmp_path):
    said = sass.assemble(*KERNELS[name], chip, tmp_path)
    assert said.stack == 0 and said.spills == 0, said


# By matrices: windows that overlap, and ones that have a second half or are complex.
WINDOWS = [
    LongConv("bht,ht->bht", {"b": 8, "h": 768, "t": 16384}, taps=700),
    LongConv("bht,ht->bht", {"b": 3, "h": 1, "t": 9001}, taps=700),
    LongConv("bht,ht->bht", {"b": 3, "h": 3, "t": 20001}, taps=2000, dtype="f16", direction="two_sided"),
    LongConv("bt,t->bt", {"b": 1, "t": 20000}, taps=3),
    LongConv("bt,t->bt", {"b": 1, "t": 900}, taps=1804, direction="two_sided"),
    LongConv("bt,t->bt", {"b": 1, "t": 6001}, taps=300, complex="uk", direction="backward"),
    LongConv("bht,ht->bht", {"b": 8, "h": 768, "t": 16384}, taps=1024, complex="uk"),
    LongConv("bht,ht->bht", {"b": 3, "h": 33, "t": 3000}, taps=1024, complex="k", direction="two_sided"),
    LongConv("bht,ht->bht", {"b": 3, "h": 2, "t": 1000}, taps=1000, complex="uk"),
    LongConv("bht,ht->bht", {"b": 3, "h": 2, "t": 65536}, taps=4096),
    LongConv("bht,ht->bht", {"b": 3, "h": 2, "t": 4001}, taps=4001, complex="uk", direction="backward"),
]


@needs_ptxas
@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("case", WINDOWS, ids=lambda case: case.name)
def test_windows_of_matrices_stay_in_registers(case, chip, tmp_path):
    case.strategy = "fft_conv, matrix = bf16"
    said = sass.assemble(program([case]), "f", chip, tmp_path)
    assert said.stack == 0 and said.spills == 0, said


@needs_ptxas
@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("name", KERNELS)
def test_a_cubin_takes_half_a_second(name, chip, tmp_path):
    """For each kernel; of the processor, from the program's text on, with the start of the tools.

    One of five times is enough: what others do on a core and in its caches can double it.
    """
    text, entry = KERNELS[name]
    (tmp_path / "f.mlir").write_text(text)
    used = lambda: sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    for _ in range(5):
        before = used()
        tool("ssm-compile", tmp_path / "f.mlir", f"--entry={entry}", f"--target=nvidia:{chip}", "--emit=cubin", "-o", tmp_path / "f.cubin")
        took = used() - before
        launch, = json.loads((tmp_path / "f.json").read_text())["kernels"]
        bar = 0.5 * len(sequence(launch))
        if took <= bar:
            break
    assert took <= bar


@needs_both
@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("name", [name for name in KERNELS if name.startswith(("row_scan", "column_scan")) and name != "row_scan, complex"])
def test_loops_of_scans_access_sixteen_bytes(name, chip, tmp_path):
    loop, = sass.disassemble(sass.assemble(*KERNELS[name], chip, tmp_path).cubin).loops
    assert set(sass.select(loop, "LDG", "STG")) == {"LDG.E.128.CONSTANT", "STG.E.128"}
    assert sass.select(loop, "LDL", "STL") == []


@needs_both
@pytest.mark.parametrize("chip", CHIPS)
def test_look_back_accesses_sixteen_bytes(chip, tmp_path):
    """Its operands, whose ends in a row may be single elements, behind the branch that the others skip; words of tiles are eight bytes."""
    code = sass.disassemble(sass.assemble(*KERNELS["look_back"], chip, tmp_path).cubin)
    loads, stores = sass.select(code.opcodes, "LDG"), sass.select(code.opcodes, "STG")
    assert loads.count("LDG.E.128.CONSTANT") == 8 and stores.count("STG.E.128") == 4
    assert {"LDG.E.64.STRONG.GPU", "STG.E.64.STRONG.GPU"} <= {*loads, *stores}


@needs_both
@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("name, loads", [("layer_norm", 2 * 6), ("softmax of long rows", 4)])
def test_rows_are_read_once_by_sixteen_bytes(name, loads, chip, tmp_path):
    """768 elements of a row and of the gain by a warp; 4,096 of bf16 by a block of 128 threads."""
    opcodes = sass.disassemble(sass.assemble(*KERNELS[name], chip, tmp_path).cubin).opcodes
    assert sass.select(opcodes, "LDG") == ["LDG.E.128.CONSTANT"] * loads
    assert set(sass.select(opcodes, "STG")) == {"STG.E.128"}


@needs_both
@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("name, stored", [("S5", ".128"), ("matrix_product, f64", ".128")])
def test_products_access_sixteen_bytes(name, stored, chip, tmp_path):
    """Their factors in the loop over the sum, and where they begin; what they return has four columns a thread.

    Whatever multiplies there adds too.
    """
    cubin = sass.assemble(*KERNELS[name], chip, tmp_path).cubin
    for kernel, bits in [("f", ".128"), ("f_3", stored)]:
        code = sass.disassemble(cubin, kernel)
        assert set(sass.select(code.opcodes, "LDG")) <= {"LDG.E.128", "LDG.E.128.CONSTANT"}, kernel
        assert set(sass.select(code.opcodes, "STG")) == {f"STG.E{bits}"}, kernel
        products = [loop for loop in code.loops if sass.select(loop, "FFMA", "FFMA2", "DFMA")]
        assert products and not any(sass.select(loop, "LDL", "STL", "FMUL", "FMUL2", "FADD", "FADD2", "DMUL", "DADD") for loop in products), kernel


@needs_both
@pytest.mark.parametrize("chip", CHIPS)
def test_narrow_products_are_on_the_tensor_cores(chip, tmp_path):
    """Of 128 x 64 x 64 in a chunk, 64 of 16 x 8 x 16 in each of four warps; all accesses of memory have 16 bytes."""
    cubin = sass.assemble(*KERNELS["mma_product"], chip, tmp_path).cubin
    for kernel in ("f", "f_3"):
        code = sass.disassemble(cubin, kernel)
        assert set(sass.select(code.opcodes, "LDG")) <= {"LDG.E.128", "LDG.E.128.CONSTANT"}, kernel
        assert set(sass.select(code.opcodes, "STG")) == {"STG.E.128"}, kernel
        (products,) = [loop for loop in code.loops if sass.select(loop, "HMMA")]
        assert sass.select(products, "HMMA") == ["HMMA.16816.F32.BF16"] * 64, kernel
        assert not sass.select(products, "FFMA", "FMUL", "FADD", "LDL", "STL"), kernel


@needs_both
@pytest.mark.parametrize("chip", CHIPS)
def test_passes_of_a_convolution_access_sixteen_bytes(chip, tmp_path):
    cubin = sass.assemble(*KERNELS["fft_conv, 8 x 768 x 16384"], chip, tmp_path).cubin
    for kernel, loads in [("f", "LDG.E.128.CONSTANT"), ("f_1", "LDG.E.128.CONSTANT"), ("f_2", "LDG.E.128"), ("f_3", "LDG.E.128")]:
        opcodes = sass.disassemble(cubin, kernel).opcodes
        assert set(sass.select(opcodes, "LDG")) == {loads} and set(sass.select(opcodes, "STG")) == {"STG.E.128"}, kernel


@needs_both
@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("complex", ["", "uk"], ids=["real", "complex"])
def test_tensors_are_turned_by_sixteen_bytes(complex, chip, tmp_path):
    """Signal and kernel to time last, and the result back, where steps and channels are whole accesses."""
    case = LongConv("bth,th->bth", {"b": 2, "t": 512, "h": 64}, taps=512, complex=complex)
    cubin = sass.assemble(program([case]), "f", chip, tmp_path).cubin
    for kernel in ("f", "f_1", "f_3"):
        opcodes = sass.disassemble(cubin, kernel).opcodes
        assert {o.removesuffix(".CONSTANT") for o in sass.select(opcodes, "LDG")} == {"LDG.E.128"}, kernel
        assert set(sass.select(opcodes, "STG")) == {"STG.E.128"}, kernel


@needs_both
@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("length, bits", [(512, ".128"), (1024, ".128"), (2048, ".64"), (4096, ""), (1023, "")])
def test_windows_access_neighbours_if_that_is_no_round(length, bits, chip, tmp_path):
    """Of up to 2^10 points, as many as steps, by four; of 2^11 by two; of 2^12 the exchanges of a fourth round would cost more than they save."""
    opcodes = sass.disassemble(sass.assemble(Conv("", [1, 2, length], "").text(), "f", chip, tmp_path).cubin).opcodes
    assert set(sass.select(opcodes, "LDG")) == {f"LDG.E{bits}.CONSTANT"} and set(sass.select(opcodes, "STG")) == {f"STG.E{bits}"}


@needs_both
@pytest.mark.parametrize("chip", ["sm_80", "sm_90a", "sm_100a"])
def test_the_longest_windows_access_sixteen_bytes(chip, tmp_path):
    """Three rounds of 8, 32 and 32 points are no more than of 32, 32 and 8. In the code of the windows is the kernel's."""
    code = sass.disassemble(sass.assemble(*KERNELS["fft_conv, 8 x 768 x 8192"], chip, tmp_path).cubin)
    assert set(sass.select(code.opcodes, "LDG")) == {"LDG.E.128.CONSTANT"} and set(sass.select(code.opcodes, "STG")) == {"STG.E.128"}
    assert sass.select(code.opcodes, "BAR").count("BAR.SYNC.DEFER_BLOCKING") == 5 and len(code.opcodes) <= 4000


@needs_both
@pytest.mark.parametrize("chip", ["sm_80", "sm_90", "sm_100a", "sm_120a"])
@pytest.mark.parametrize("name, wide, narrow", [("chunked_scan", 0, 2), ("chunked_scan, Mamba-2", 8, 4)])
def test_products_are_on_the_tensor_cores(name, wide, narrow, chip, tmp_path):
    code = sass.disassemble(sass.assemble(*KERNELS[name], chip, tmp_path).cubin)
    products = sass.select(code.opcodes, "HMMA")
    assert products and set(products) == {"HMMA.16816.F32.BF16"}
    assert sass.select(code.opcodes, "LDSM")
    # B and signals: 64 x 128 and 64 x 64 elements of bf16 by 128 threads; x and z where results are stored. C needs
    # no registers. Alone are what decays of steps come from, before the loop and in it, and of Mamba-2 A and D.
    loads = sass.select(code.opcodes, "LDG")
    # The assembler may repeat what ends a loop.
    count = loads.count("LDG.E.128.CONSTANT")
    assert count >= 8 + 4 + wide and len(loads) - count == narrow
    assert set(sass.select(code.opcodes, "LDGSTS")) == {"LDGSTS.E.BYPASS.128"}
    assert set(sass.select(code.opcodes, "STG")) == {"STG.E.128"}


@needs_both
@pytest.mark.parametrize("name, most, wide", [("chunked_scan", 850, 0), ("chunked_scan, Mamba-2", 1350, 8)])
def test_products_of_groups_are_not_serialized(name, most, wide, tmp_path):
    """A chunk is 16 products, which three waits end: the assembler adds none. B and C need no registers, and nothing loads factors."""
    said = sass.assemble(*KERNELS[name], "sm_90a", tmp_path)
    assert "(C75" not in said.text
    code = sass.disassemble(said.cubin)
    (chunk,) = [loop for loop in code.loops if sass.select(loop, "HGMMA")]
    products = sass.select(chunk, "HGMMA")
    assert products == ["HGMMA.64x128x16.F32.BF16"] * 8 + ["HGMMA.64x64x16.F32.BF16"] * 4 + ["HGMMA.64x128x16.F32.BF16"] * 4
    assert len(chunk) <= most
    assert chunk.count("WARPGROUP.DEPBAR.LE") == 3 and chunk.count("BAR.SYNC.DEFER_BLOCKING") == 2
    assert chunk.count("LDGSTS.E.BYPASS.128") == 16 and chunk.count("LDG.E.128.CONSTANT") == 4 + wide
    assert not sass.select(code.opcodes, "HMMA", "LDSM")


@needs_both
@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("length, short", [(1024, True), (2048, True), (4096, False), (8192, False)])
def test_transforms_are_on_the_tensor_cores(length, short, chip, tmp_path):
    """Sums over eight numbers where the last digit has no more; 16 bytes of signal, kernel and result a lane."""
    code = sass.disassemble(sass.assemble(*KERNELS[f"fft_conv by matrices, 8 x 768 x {length}"], chip, tmp_path).cubin)
    products = {"HMMA.16816.F32.BF16"} | ({"HMMA.1688.F32.BF16"} if short else set())
    assert set(sass.select(code.opcodes, "HMMA")) == products
    assert set(sass.select(code.opcodes, "LDG")) == {"LDG.E.128.CONSTANT"} and set(sass.select(code.opcodes, "STG")) == {"STG.E.128"}


@needs_both
@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("name", ["row_scan, gated", "column_scan, gated"])
def test_gates_call_nothing(name, chip, tmp_path):
    """Roots, reciprocals and exponentials are instructions of the special function unit."""
    opcodes = sass.disassemble(sass.assemble(*KERNELS[name], chip, tmp_path).cubin).opcodes
    assert {"MUFU.EX2", "MUFU.RCP", "MUFU.SQRT"} == set(sass.select(opcodes, "MUFU"))
    assert not sass.select(opcodes, "CALL")


@needs_both
@pytest.mark.parametrize("chip", CHIPS)
def test_exponentials_bind_a_selective_scan(chip, tmp_path):
    """A tile of 32 steps, of which a loop within has 16: 128 exponentials of states a thread, each as long as eight instructions.

    All that is loaded for the next tile is on its way before that loop begins.
    """
    code = sass.disassemble(sass.assemble(*KERNELS["selective_scan"], chip, tmp_path).cubin)
    steps, = (loop for loop in code.loops if len(loop) > 1)
    loop, = code.outer
    floor = 4 * 32
    assert floor < len(sass.select(loop, "MUFU")) + len(sass.select(steps, "MUFU")) <= 1.15 * floor
    assert len(loop) + len(steps) <= 1.2 * 8 * floor
    before = loop[:next(i for i in range(len(loop)) if loop[i:i + len(steps)] == steps)]
    assert len(sass.select(before, "LDG")) == 2 + 3 * 2
    # 16 bytes of B and C a thread, and of u, delta and z at eight steps of its four channels; as many of y.
    assert sass.select(loop, "LDG") == ["LDG.E.128.CONSTANT"] * (2 + 3 * 2)
    assert sass.select(loop, "STG") == ["STG.E.128"] * 2
    assert len(sass.select(loop, "BAR")) == 1
