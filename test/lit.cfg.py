# lit's configuration for the IR and tool tests.
import glob
import os
import shutil

import lit.formats
import lit.util
from lit.llvm import llvm_config
from lit.llvm.subst import ToolSubst

config.name = "ssm"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "Consumer"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.ssm_build_dir, "test")

llvm_config.with_system_environment(["HOME", "TMPDIR"])
llvm_config.with_environment("PATH", config.llvm_tools_dir, append_path=True)
llvm_config.with_environment("PATH", config.ssm_tools_dir, append_path=True)

# FileCheck, not, count and split-file come from LLVM; ours from build/bin.
# The first substitution wins: %python is the project's environment.
config.substitutions.append(("%python", config.python))
llvm_config.use_default_substitutions()
config.substitutions.append(("%ssm_libs", config.ssm_lib_dir))
config.substitutions.append(("%ssm_include", os.path.join(config.ssm_source_dir, "include")))
config.substitutions.append(("%clang", config.clang))
config.substitutions.append(("%llvm_libs", os.path.join(os.path.dirname(config.llvm_tools_dir), "lib")))
llvm_config.add_tool_substitutions(
    [
        "ssm-opt",
        "ssm-lsp-server",
        "ssm-reduce",
        ToolSubst("ssm-run", unresolved="ignore"),
        ToolSubst("ssm-compile", unresolved="ignore"),
        "ssm-emulate",
        "mlir-opt",
        "mlir-translate",
        "llvm-nm",
        "split-file",
    ],
    [config.ssm_tools_dir, config.llvm_tools_dir],
)


# Optional things. A test names what it needs with REQUIRES; a feature that is
# off says why.
def feature(name, present, reason):
    if present:
        config.available_features.add(name)
    else:
        lit_config.note(f"feature '{name}' is off: {reason}")


def cpu_has(flag):
    try:
        with open("/proc/cpuinfo") as info:
            return any(flag in line.split() for line in info if line.startswith("flags"))
    except OSError:
        return False


def find_ptxas():
    """ptxas of the CUDA toolkit, or of the wheel nvidia-cuda-nvcc."""
    site = os.path.join(config.ssm_venv, "lib", "python3*", "site-packages")
    wheel = glob.glob(os.path.join(site, "nvidia", "**", "bin", "ptxas"), recursive=True)
    return shutil.which("ptxas") or next(iter(wheel), None)


ptxas = find_ptxas()
feature("avx512", cpu_has("avx512f"), "this CPU has no AVX-512")
feature("cuda-gpu", os.path.exists("/dev/nvidiactl"), "no CUDA device on this machine")
feature("spirv-tools", shutil.which("spirv-val"), "the Debian package spirv-tools is not installed")
feature("ptxas", ptxas, "neither the CUDA toolkit nor the wheel nvidia-cuda-nvcc is installed")
feature("no-asan", not config.ssm_sanitizer,
        "the build uses a sanitizer, whose libraries a stock tool cannot load")
if ptxas:
    config.substitutions.append(("%ptxas", ptxas))
