//===- Options.td - Command line of ssm-emulate ------------*- tablegen -*-===//
include "llvm/Option/OptParser.td"

/// `--name value` and `--name=value`.
multiclass Value<string name, string meta, string help> {
  def NAME : Separate<["--"], name>, MetaVarName<meta>, HelpText<help>;
  def NAME #_eq : Joined<["--"], name#"=">, Alias<!cast<Separate>(NAME)>;
}

def help : Flag<["--"], "help">, HelpText<"Print this text">;
def h : Flag<["-"], "h">, Alias<help>;
defm entry : Value<"entry", "<name>", "Kernel to run">;
defm grid : Value<"grid", "<x,y,z>", "Blocks (default 1)">;
defm block : Value<"block", "<x,y,z>", "Threads in a block (default 32)">;
defm further : Value<"then", "<name:grid:block>",
  "A kernel to run after it, on the same arguments; --shared is for each">;
defm shared : Value<"shared", "<bytes>", "Dynamic shared memory (default 0)">;
defm resident : Value<"resident", "<n>",
  "Blocks that run at a time (default 8)">;
defm seed : Value<"seed", "<n>",
  "Order of blocks, warps and lanes; 0, the default: in order">;
defm arg : Value<"arg", "<value>",
  "An argument, in their order: a file x.npy; new:float32:8x16, an array of "
  "NaN; zero:int32:4, of zeros; i32:5, i64:5 or f32:0.5, a scalar">;
defm output : Value<"output", "<n=file.npy>",
  "Write the array of argument n, counted from 0, after the run">;
