"""The emulator's products of matrices, of warps and of groups of warps, loads of matrices and copies that end later."""

import json

import ml_dtypes
import numpy as np
import pytest
from harness import ToolError, tool

HEAD = 'target triple = "nvptx64-nvidia-cuda"\n@tile = internal addrspace(3) global [512 x i32] undef, align 16\n'
LANE = """
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %g = lshr i32 %t, 2
  %c = and i32 %t, 3
"""
TYPES = {"f16": (np.float16, "mma.m16n8k16.row.col.f32.f32", "<2 x half>"),
         "bf16": (ml_dtypes.bfloat16, "mma.m16n8k16.row.col.bf16", "i32"),
         "tf32": (np.float32, "mma.m16n8k8.row.col.tf32", "i32")}
D = "{ float, float, float, float }"


def emulate(kernel, arrays, output, tmp_path, *options):
    (tmp_path / "f.ll").write_text(HEAD + kernel)
    args = [tmp_path / "f.ll", "--entry=f", "--block=32", *options, f"--output={len(arrays)}={tmp_path}/y.npy"]
    for i, x in enumerate(arrays):
        np.save(tmp_path / f"{i}.npy", x)
        args.append(f"--arg={tmp_path}/{i}.npy")
    report = json.loads(tool("ssm-emulate", *args, f"--arg=new:{output}").stdout)
    return np.load(tmp_path / "y.npy"), report


def product(intrinsic, word):
    """D = A B + 1 of one warp: A is 16 rows and B is 8 columns of 8 words of 4 bytes."""
    load = lambda name, array, row, at: f"""
  %r{name} = add i32 %g, {row}
  %m{name} = mul i32 %r{name}, 8
  %c{name} = add i32 %c, {at}
  %i{name} = add i32 %m{name}, %c{name}
  %p{name} = getelementptr i32, ptr addrspace(1) %{array}, i32 %i{name}
  %{name} = load {word}, ptr addrspace(1) %p{name}, align 4"""
    store = lambda i: f"""
  %ro{i} = add i32 %g, {i // 2 * 8}
  %mo{i} = mul i32 %ro{i}, 8
  %co{i} = mul i32 %c, 2
  %so{i} = add i32 %mo{i}, %co{i}
  %io{i} = add i32 %so{i}, {i % 2}
  %po{i} = getelementptr float, ptr addrspace(1) %y, i32 %io{i}
  %o{i} = extractvalue {D} %d, {i}
  store float %o{i}, ptr addrspace(1) %po{i}, align 4"""
    words = ", ".join(f"{word} %{name}" for name in ("a0", "a1", "a2", "a3", "b0", "b1"))
    return f"""
define ptx_kernel void @f(ptr addrspace(1) %a, ptr addrspace(1) %b, ptr addrspace(1) %y) {{{LANE}
{''.join(load(f'a{i}', 'a', i % 2 * 8, i // 2 * 4) for i in range(4))}
{''.join(load(f'b{i}', 'b', 0, i * 4) for i in range(2))}
  %d = call {D} @llvm.nvvm.{intrinsic}({words}, float 1.0, float 1.0, float 1.0, float 1.0)
{''.join(map(store, range(4)))}
  ret void
}}
declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
declare {D} @llvm.nvvm.{intrinsic}({', '.join([word] * 6)}, float, float, float, float)
"""


@pytest.mark.parametrize("kind", TYPES)
def test_products_of_integers_are_exact(kind, tmp_path):
    dtype, intrinsic, word = TYPES[kind]
    rng = np.random.default_rng(1)
    depth = 32 // np.dtype(dtype).itemsize
    a, b = (rng.integers(-8, 9, (n, depth)).astype(dtype) for n in (16, 8))
    words = [x.view(np.int32) for x in (a, b)]
    y, report = emulate(product(intrinsic, word), words, "float32:16x8", tmp_path, "--seed=2")
    np.testing.assert_array_equal(y, a.astype(float) @ b.astype(float).T + 1)
    assert report["instructions"]["tensor"] == 32 and report["races"] == 0


def test_tf32_has_eleven_bits(tmp_path):
    a, b = np.zeros((16, 8), np.float32), np.zeros((8, 8), np.float32)
    a[3, 2], b[5, 2] = 1 + 2.0**-10 + 2.0**-11, 1
    y, _ = emulate(product(*TYPES["tf32"][1:]), [a.view(np.int32), b.view(np.int32)], "float32:16x8", tmp_path)
    assert y[3, 5] == 2 + 2.0**-10


COPY = f"""
define ptx_kernel void @f(ptr addrspace(1) %x, ptr addrspace(1) %y) {{{LANE}
  %w = mul i32 %t, 4
  %p = getelementptr i32, ptr addrspace(1) %x, i32 %w
  %s = getelementptr [512 x i32], ptr addrspace(3) @tile, i32 0, i32 %w
  call void @llvm.nvvm.cp.async.cg.shared.global.16(ptr addrspace(3) %s, ptr addrspace(1) %p)
  call void @llvm.nvvm.cp.async.commit.group()
  call void @llvm.nvvm.cp.async.wait.group(i32 0)
  call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)
  %r = call {{ i32, i32, i32, i32 }} @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16.p3(ptr addrspace(3) %s)
  %o = mul i32 %t, 4
"""
for i in range(4):
    COPY += f"""
  %o{i} = add i32 %o, {i}
  %q{i} = getelementptr i32, ptr addrspace(1) %y, i32 %o{i}
  %r{i} = extractvalue {{ i32, i32, i32, i32 }} %r, {i}
  store i32 %r{i}, ptr addrspace(1) %q{i}, align 4"""
COPY += """
  ret void
}
declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
declare void @llvm.nvvm.barrier.cta.sync.aligned.all(i32)
declare void @llvm.nvvm.cp.async.cg.shared.global.16(ptr addrspace(3), ptr addrspace(1))
declare void @llvm.nvvm.cp.async.commit.group()
declare void @llvm.nvvm.cp.async.wait.group(i32)
declare { i32, i32, i32, i32 } @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16.p3(ptr addrspace(3))
declare { i32, i32, i32, i32 } @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.trans.b16.p3(ptr addrspace(3))
"""

MATRICES = np.arange(256, dtype=np.int16).reshape(4, 8, 8)


def copied(kernel, tmp_path, *options):
    y, report = emulate(kernel, [MATRICES.reshape(-1).view(np.int32)], "int32:32x4", tmp_path, *options)
    # Word m of lane 4 g + t is columns 2t, 2t + 1 of row g of matrix m.
    return y.T.copy().view(np.int16).reshape(4, 8, 8), report


def test_matrices_are_copied_and_loaded(tmp_path):
    y, report = copied(COPY, tmp_path, "--seed=1")
    np.testing.assert_array_equal(y, MATRICES)
    assert report["races"] == 0
    assert report["shared"]["wavefronts"] == report["shared"]["ideal_wavefronts"]


def test_matrices_are_transposed(tmp_path):
    y, _ = copied(COPY.replace("@llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16", "@llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.trans.b16", 1),
                  tmp_path)
    np.testing.assert_array_equal(y, MATRICES.transpose(0, 2, 1))


def test_a_copy_that_nobody_waits_for_has_not_arrived(tmp_path):
    for wait in ("i32 0", "i32 1"):
        late = COPY.replace("  call void @llvm.nvvm.cp.async.wait.group(i32 0)", "" if wait == "i32 0" else
                            "  call void @llvm.nvvm.cp.async.wait.group(i32 1)", 1)
        y, _ = copied(late, tmp_path)
        assert np.all(y == -1)  # what memory has before it is written


def test_a_copy_without_barrier_is_a_race(tmp_path):
    _, report = copied(COPY.replace("  call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)", "", 1)
                       .replace("%s)\n  %o", "%rows)\n  %o").replace("  %r = call", """
  %next = xor i32 %w, 4
  %rows = getelementptr [512 x i32], ptr addrspace(3) @tile, i32 0, i32 %next
  %r = call"""), tmp_path)
    assert report["races"] > 0


def group_product(left_transposed, right_transposed, columns, permutation=1):
    """D = 1 + A B of four warps, from tiles of 64 rows of 128 bytes that are copied to shared memory as they are. `left_transposed`
    is None for A in registers, in words as a lane has them."""
    sums = columns // 2
    struct = "{ " + ", ".join(["float"] * sums) + " }"
    results = ", ".join(f"${i}" for i in range(sums))
    ties = ",".join(map(str, range(sums)))
    in_registers = left_transposed is None
    left, right = ("{" + ", ".join(f"${sums + i}" for i in range(4)) + "}", f"${sums + 4}") if in_registers else (f"${sums}", f"${sums + 1}")
    flags = "" if in_registers else f"{left_transposed:d}, "
    copies = "".join(f"""
  %w{i} = add i64 %mine, {i}
  %p{i} = getelementptr i32, ptr addrspace(1) %x, i64 %w{i}
  %s{i} = getelementptr i32, ptr addrspace(3) @tiles, i64 %w{i}
  %v{i} = load <4 x i32>, ptr addrspace(1) %p{i}, align 16
  store <4 x i32> %v{i}, ptr addrspace(3) %s{i}, align 16""" for i in range(0, 64, 4))
    words = "".join(line + "\n" for i in range(4) for line in (
        f"  %a{i} = add i64 %fours, {i}", f"  %pa{i} = getelementptr i32, ptr addrspace(1) %a, i64 %a{i}",
        f"  %left{i} = load i32, ptr addrspace(1) %pa{i}, align 4"))
    stores = "".join(f"""
  %d{i} = extractvalue {struct} %there, {i}
  %i{i} = add i64 %result, {i}
  %q{i} = getelementptr float, ptr addrspace(1) %y, i64 %i{i}
  store float %d{i}, ptr addrspace(1) %q{i}, align 4""" for i in range(sums))
    extracts = "".join(f"\n  %e{i} = extractvalue {struct} %under_way, {i}" for i in range(sums))
    args = ", ".join([f"i32 %left{i}" for i in range(4)] if in_registers else ["i64 %da"])
    return f"""target triple = "nvptx64-nvidia-cuda"
@tiles = internal addrspace(3) global [8192 x i32] undef, align 1024
define ptx_kernel void @f(ptr addrspace(1) %x, ptr addrspace(1) %a, ptr addrspace(1) %y) {{
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %thread = zext i32 %t to i64
  %mine = mul i64 %thread, 64
  %result = mul i64 %thread, {sums}
  %fours = mul i64 %thread, 4
{copies}
{words}
  call void @llvm.nvvm.fence.proxy.async.shared_cta()
  call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)
  %start = ptrtoint ptr addrspace(3) @tiles to i32
  %masked = and i32 %start, 262143
  %units = lshr i32 %masked, 4
  %place = zext i32 %units to i64
  %da = or i64 %place, {permutation << 62 | 64 << 32 | 512 << 16}
  %db = add i64 %da, 512
  call void @llvm.nvvm.wgmma.fence.sync.aligned()
  %under_way = call {struct} asm sideeffect "{{\\0A.reg .pred p;\\0Asetp.ne.b32 p, 1, 0;\\0Awgmma.mma_async.sync.aligned.m64n{columns}k16.f32.bf16.bf16 {{{results}}}, {left}, {right}, p, 1, 1, {flags}{right_transposed:d};\\0A}}", "{'=f,' * sums}{'r,r,r,r,l' if in_registers else 'l,l'},{ties}"({args}, i64 %db, {', '.join(['float 1.0'] * sums)}){extracts}
  call void @llvm.nvvm.wgmma.commit_group.sync.aligned()
  %there = call {struct} asm sideeffect "wgmma.wait_group.sync.aligned 0;", "{'=f,' * sums}{ties}"({', '.join(f'float %e{i}' for i in range(sums))})
{stores}
  ret void
}}
declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
declare void @llvm.nvvm.fence.proxy.async.shared_cta()
declare void @llvm.nvvm.barrier.cta.sync.aligned.all(i32)
declare void @llvm.nvvm.wgmma.fence.sync.aligned()
declare void @llvm.nvvm.wgmma.commit_group.sync.aligned()
"""


def permute(rows):
    """Rows of 64 elements as the tensor cores read them: unit u of eight of row r is where unit u ^ r % 8 would be."""
    units = rows.reshape(64, 8, 8)
    return np.stack([units[r, np.arange(8) ^ r % 8] for r in range(64)]).reshape(64, 64)


def multiply_groups(left_transposed, right_transposed, tmp_path, columns=64, edit=lambda kernel: kernel, permutation=1):
    rng = np.random.default_rng(1)
    a, b = (rng.integers(-8, 9, (n, 16)).astype(ml_dtypes.bfloat16) for n in (64, columns))  # B by columns
    tiles = np.zeros((4, 64, 64), ml_dtypes.bfloat16)
    for tile, factor, transposed in [(0, a, left_transposed), (1, b[:64], right_transposed), (2, b[64:], right_transposed)]:
        for row, values in enumerate(factor.T if transposed else factor):
            tiles[tile, row, :len(values)] = values
    # Word 2 half + down of a lane: columns 8 half + 2t and the next one, of row g + 8 down of its warp.
    words = a.view(np.int32).reshape(4, 2, 8, 2, 4).transpose(0, 2, 4, 3, 1).reshape(128, 4)
    (tmp_path / "f.ll").write_text(edit(group_product(left_transposed, right_transposed, columns, permutation)))
    np.save(tmp_path / "x.npy", np.stack([permute(tile) for tile in tiles]).view(np.int32))
    np.save(tmp_path / "a.npy", np.ascontiguousarray(words))
    report = json.loads(tool("ssm-emulate", tmp_path / "f.ll", "--entry=f", "--block=128", "--seed=2", f"--output=2={tmp_path}/y.npy",
                             f"--arg={tmp_path}/x.npy", f"--arg={tmp_path}/a.npy", f"--arg=new:float32:128x{columns // 2}").stdout)
    # Of a thread, 8 columns after the others: two of row g, and two of row g + 8.
    y = np.load(tmp_path / "y.npy").reshape(4, 8, 4, columns // 8, 2, 2).transpose(0, 4, 1, 3, 2, 5).reshape(64, columns)
    return y, a.astype(float) @ b.astype(float).T + 1, report


@pytest.mark.parametrize("left_transposed", [None, False, True])
@pytest.mark.parametrize("right_transposed", [False, True])
@pytest.mark.parametrize("columns", [64, 128])
def test_products_of_groups(left_transposed, right_transposed, columns, tmp_path):
    y, want, report = multiply_groups(left_transposed, right_transposed, tmp_path, columns)
    np.testing.assert_array_equal(y, want)
    assert report["instructions"]["tensor"] == 128 and report["races"] == 0


def test_products_of_groups_end_with_a_wait(tmp_path):
    def edit(kernel):
        return kernel.replace("wgmma.wait_group.sync.aligned 0", "wgmma.wait_group.sync.aligned 1")
    y, _, _ = multiply_groups(False, True, tmp_path, edit=edit)
    assert np.all(np.isnan(y))


@pytest.mark.parametrize("line", ["fence.proxy.async.shared_cta()", "barrier.cta.sync.aligned.all(i32 0)"])
def test_products_of_groups_see_what_is_fenced_and_behind_a_barrier(line, tmp_path):
    _, _, report = multiply_groups(False, True, tmp_path, edit=lambda kernel: kernel.replace(f"  call void @llvm.nvvm.{line}\n", ""))
    assert report["races"] > 0


def test_products_of_groups_need_permuted_rows(tmp_path):
    with pytest.raises(ToolError) as error:
        multiply_groups(False, True, tmp_path, permutation=2)
    assert "not permuted by 128 bytes" in error.value.stderr


def test_other_shapes_are_refused(tmp_path):
    with pytest.raises(ToolError) as error:
        emulate(product("mma.m8n8k4.row.col.f32.f32", "i32"), [np.zeros(128, np.int32), np.zeros(64, np.int32)], "float32:16x8", tmp_path)
    assert "cannot be emulated" in error.value.stderr
