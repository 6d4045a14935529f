//===- Options.td - Command line of ssm-run ----------------*- tablegen -*-===//
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
defm entry : Value<"entry", "<name>",
  "Function to run; may be left out if there is one">;
defm input : Value<"input", "<file.npy>",
  "An input; repeat in the order of the arguments">;
defm output : Value<"output", "<file.npy>",
  "A result; repeat in the order of the results">;
defm strategy : Value<"strategy", "<name>",
  "Use this strategy for every recurrence">;
defm rates : Value<"rates", "<file>",
  "Choose strategies by these rates of the machine">;
defm target : Value<"target", "<target>",
  "host (default), or a GPU such as nvidia:sm_90">;
defm threads : Value<"threads", "<n>", "Number of threads (default 1)">;
defm stream : Value<"stream", "<steps>",
  "Derive a step from the function and feed it this many steps at a time">;
defm state_in : Value<"state-in", "<file>",
  "With --stream: go on from a state that --state-out wrote">;
defm state_out : Value<"state-out", "<file>",
  "With --stream: write the state after the last step">;
defm time : Value<"time", "<repeats>",
  "Run this often and print seconds as JSON to stdout">;
defm calibrate : Value<"calibrate", "<file>",
  "Measure this machine, write a file for --rates, and run nothing">;
