"""What NVIDIA's tools say of a kernel: ptxas of the CUDA toolkit, nvdisasm of it or of its wheel.

    said = assemble(text, entry, "sm_90a", folder)    what ptxas counts
    code = disassemble(said.cubin)                    the opcodes, and those of loops
"""

import re
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from harness import tool


def find_tool(name):
    """Its path on this machine, or None."""
    wheel = Path(sysconfig.get_path("purelib"), "nvidia").glob(f"**/bin/{name}")
    return shutil.which(name) or next(map(str, wheel), None)


PTXAS, NVDISASM = find_tool("ptxas"), find_tool("nvdisasm")


@dataclass
class Assembled:
    """What ptxas says of a cubin: so many kernels, the most registers of one, and sums of bytes."""

    text: str
    cubin: Path
    kernels: int
    registers: int
    stack: int
    spills: int


def assemble(text, entry, chip, folder):
    source, ptx, cubin = (Path(folder, f"f.{end}") for end in ("mlir", "ptx", "cubin"))
    source.write_text(text)
    tool("ssm-compile", source, f"--entry={entry}", f"--target=nvidia:{chip}", "--emit=ptx", "-o", ptx)
    said = subprocess.run([PTXAS, "-v", f"-arch={chip}", ptx, "-o", cubin], check=True, capture_output=True, text=True).stderr
    numbers = lambda pattern: [int(n) for n in re.findall(pattern, said)]
    registers = numbers(r"Used (\d+) registers")
    assert len(registers) == said.count("Compiling entry function") > 0
    return Assembled(said, cubin, len(registers), max(registers), sum(numbers(r"(\d+) bytes stack frame")), sum(numbers(r"(\d+) bytes spill")))


@dataclass
class Code:
    """Opcodes are as printed, such as "LDG.E.128.CONSTANT", without predicates.

    A loop is what a branch back encloses: the innermost ones, and those around others.
    """

    opcodes: list
    loops: list
    outer: list


def disassemble(cubin, kernel=None):
    """Of all kernels, or one."""
    text = subprocess.run([NVDISASM, cubin], check=True, capture_output=True, text=True).stdout
    if kernel:
        text, = (part for part in text.split("\t.section\t") if part.startswith(f".text.{kernel},"))
    lines, labels = [], {}
    for line in text.splitlines():
        if label := re.match(r"(\.L_x_\d+):", line):
            labels[label[1]] = len(lines)
        elif instruction := re.match(r"\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?(\S+)(.*?);", line):
            lines.append((instruction[1], instruction[2]))
    spans = []
    for end, (opcode, operands) in enumerate(lines):
        target = re.search(r"\((\.L_x_\d+)\)", operands)
        if opcode.startswith("BRA") and target and labels.get(target[1], len(lines)) < end:
            spans.append(range(labels[target[1]], end + 1))
    opcodes, inner, outer = [opcode for opcode, _ in lines], [], []
    for s in spans:
        encloses = any(o != s and o.start >= s.start and o.stop <= s.stop for o in spans)
        (outer if encloses else inner).append(opcodes[s.start:s.stop])
    return Code(opcodes, inner, outer)


def select(opcodes, *names):
    """Those that begin so, up to their first point."""
    return [opcode for opcode in opcodes if opcode.split(".")[0] in names]
