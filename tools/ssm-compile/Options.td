//===- Options.td - Command line of ssm-compile ------------*- tablegen -*-===//
include "llvm/Option/OptParser.td"

/// `--name value` and `--name=value`.
multiclass Value<string name, string meta, string help> {
  def NAME : Separate<["--"], name>, MetaVarName<meta>, HelpText<help>;
  def NAME #_eq : Joined<["--"], name#"=">, Alias<!cast<Separate>(NAME)>;
}

def help : Flag<["--"], "help">, HelpText<"Print this text">;
def h : Flag<["-"], "h">, Alias<help>;
def explain : Flag<["--"], "explain">,
  HelpText<"Print one line for each strategy decision">;
def prepare : Flag<["--"], "prepare">,
  HelpText<"Make K_prepare of what depends on arguments marked ssm.parameter alone; K takes its results">;
def o : JoinedOrSeparate<["-"], "o">, MetaVarName<"<file>">,
  HelpText<"Where to write the code; - is stdout">;
defm emit : Value<"emit", "<kind>", 
  "obj (default), shared, llvm or asm; for a GPU ptx (default), cubin or llvm; for AMD asm or llvm; for OpenCL spirv">;
defm entry : Value<"entry", "<name>",
  "Compile this function only (default: every public one)">;
defm header : Value<"header", "<file.h>", "Write a C header for the kernels">;
defm strategy : Value<"strategy", "<name>",
  "Use this strategy for every recurrence">;
defm rates : Value<"rates", "<file>",
  "Choose strategies by these rates of the machine">;
defm threads : Value<"threads", "<n>",
  "Most OpenMP threads of a loop (default 1); above 1 the caller links libomp">;
defm target : Value<"target", "<cpu>",
  "host (default), a CPU that LLVM knows, a GPU such as nvidia:sm_90 or amd:gfx942, or opencl:spirv64">;
