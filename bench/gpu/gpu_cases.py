"""What is timed, and tiny shapes of the same that are only run."""

from gpu_convolutions import Conv
from gpu_matrix_states import SSD, Mamba2
from gpu_scans import S5, GatedUnit, Mamba, Scan

FULL = [
    *(Scan(f"row scan, {rows} x {n}", "K1", [rows, n], 1, ">= 0.90 copy, faster than accelerated_scan")
      for rows, n in ((12288, 4096), (3072, 16384), (1536, 65536))),
    GatedUnit("gated unit, 8 x 1536 x 4096", [8, 1536, 4096], ">= 0.90 copy"),
    Scan("look-back, one row of 2^28", "K2", [1 << 28], 0, ">= 0.80 copy, faster than CUB"),
    Scan("look-back, 64 rows of 2^20", "K2", [64, 1 << 20], 1, ">= 0.80 copy, faster than CUB"),
    Scan("column scan, 8 x 4096 x 1536", "K3", [8, 4096, 1536], 1, ">= 0.90 copy"),
    GatedUnit("gated unit, 8 x 4096 x 1536, channels last", [8, 1536, 4096], ">= 0.90 copy", layout="bth"),
    S5("S5, 8 x 4096 x 256, 128 states", [8, 4096, 256, 128], "faster than torch"),
    Mamba("selective scan, 8 x 4096 x 1536 x 16", [8, 4096, 1536, 16], ">= 1.5 x mamba_ssm"),
    *(Conv(f"convolution, 8 x 768 x {n}", [8, 768, n], ">= 2.5 x torch.fft") for n in (1024, 4096, 8192, 16384)),
    Conv("convolution, 8 x 8 x 2^20", [8, 8, 1 << 20], "faster than torch.fft"),
    Conv("convolution, 8 x 768 x 65536 with 2048 taps", [8, 768, 65536], ">= 2.5 x torch.fft", taps=2048),
    Conv("convolution, 8 x 4096 x 768, channels last", [8, 768, 4096], ">= 2.5 x torch.fft", layout="bth"),
    *(Conv(f"convolution by matrices, 8 x 768 x {n}", [8, 768, n], ">= 5 x torch.fft", matrices=True) for n in (1024, 2048, 4096, 8192)),
    SSD("matrix states, 8 x 4096 x 24 x 64 x 128", [8, 4096, 24, 64, 128], ">= 1.3 x mamba_ssm, 0.35 of the product"),
    Mamba2("Mamba-2, 8 x 4096 x 24 x 64 x 128", [8, 4096, 24, 64, 128], ">= 1.3 x mamba_ssm, 0.35 of the product"),
]

QUICK = [Scan("row scan", "K1", [3, 700], 1, ""), GatedUnit("gated unit", [1, 3, 300], ""),
         GatedUnit("gated unit, channels last", [1, 4, 300], "", layout="bth"), S5("S5", [2, 40, 8, 4], ""),
         Scan("look-back", "K2", [9000], 0, ""),
         Scan("column scan", "K3", [2, 9, 40], 1, ""), Mamba("selective scan", [1, 20, 16, 16], ""),
         Conv("convolution", [2, 1, 600], ""), Conv("convolution, 8192 points", [1, 2, 7000], ""),
         Conv("convolution by passes", [1, 1, 13000], ""),
         Conv("convolution by windows", [1, 2, 5000], "", taps=600), Conv("convolution, channels last", [2, 3, 600], "", layout="bth"),
         Conv("convolution by matrices", [2, 1, 1500], "", matrices=True),
         SSD("matrix states", [1, 70, 1, 64, 64], ""), Mamba2("Mamba-2", [1, 100, 1, 64, 64], "")]
