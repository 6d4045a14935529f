"""What LLVM makes of each kernel for AMD's chips: no registers in memory."""

import re

import pytest
from gpu_kernels import KERNELS
from harness import tool


# Products of matrices by instructions are NVIDIA's.
@pytest.mark.parametrize("name", [name for name in KERNELS if "chunked_scan" not in name and "matrices" not in name])
def test_kernels_stay_in_registers(name, tmp_path):
    text, entry = KERNELS[name]
    (tmp_path / "f.mlir").write_text(text)
    tool("ssm-compile", tmp_path / "f.mlir", f"--entry={entry}", "--target=amd:gfx942", "-o", tmp_path / "f.s")
    assembly = (tmp_path / "f.s").read_text()
    numbers = lambda key: [int(n) for n in re.findall(rf"\.{key}:\s+(\d+)", assembly)]
    assert numbers("vgpr_count") and max(numbers("vgpr_count")) <= 512
    # What scalar registers do not hold is in lanes of vector registers, s4d's constants.
    assert set(numbers("vgpr_spill_count")) == set(numbers("private_segment_fixed_size")) == {0}
