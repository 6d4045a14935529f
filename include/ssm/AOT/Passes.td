//===- Passes.td - Passes between tensors and the C ABI ----*- tablegen -*-===//
#ifndef SSM_AOT_PASSES_TD
#define SSM_AOT_PASSES_TD

include "mlir/Pass/PassBase.td"

def DestinationPassing : Pass<"ssm-destination-passing", "::mlir::ModuleOp"> {
  let summary = "Turn tensor arguments and results into memref arguments";
  let description = [{
    Rewrites every public function over ranked tensors so that its inputs are
    contiguous memrefs that are only read and its results are written into
    trailing memref arguments:

    ```mlir
    func.func @f(%a: tensor<?xf32>) -> tensor<?xf32> {
      ...
      return %r : tensor<?xf32>
    }
    // becomes
    func.func @f(%a: memref<?xf32>, %out: memref<?xf32>)
        attributes {ssm.abi = {...}} {
      %t = bufferization.to_tensor %a restrict
      ...
      bufferization.materialize_in_destination %r in restrict writable %out
      return
    }
    ```

    Bufferization then computes in the output itself. The attribute `ssm.abi`
    records names, element types and shapes; equal symbols in the shapes are
    sizes that must be equal at run time. An argument takes its name from the
    argument attribute `ssm.name`.

    A result size that is neither constant nor the size of an argument is an
    error: a caller could not know how much memory to bring.
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect",
                           "::mlir::memref::MemRefDialect"];
}

def RecordStrategies : Pass<"ssm-record-strategies", "::mlir::func::FuncOp"> {
  let summary = "Copy the choice of strategies into the signature";
  let description = [{
    Runs between ssm-select-strategy and the lowerings, on functions with
    `ssm.abi`, whose `strategies` become one entry for each op with a
    `#ssm.strategy`, in the order of the ops: after the lowerings no op is left
    that says how it is computed, and the caller reads it from `K_signature`.
  }];
}

def SplitParameters : Pass<"ssm-split-parameters", "::mlir::ModuleOp"> {
  let summary = "Compute what depends on parameters alone in a kernel of its own";
  let description = [{
    Runs on tensors, on functions with `ssm.abi`. Inputs that were marked
    `ssm.parameter` are the same in many calls. A function f becomes two:
    `f_prepare` takes the parameters and returns what f needs of them, such as
    the spectrum of a kernel, and tables that depend on nothing; f takes the
    other inputs, then these values.

    ```mlir
    func.func @f(%u: memref<64xf32>, %k: memref<64xf32>, %y: memref<64xf32>)
        attributes {ssm.abi = {parameters = array<i64: 1>, ...}} {
      %kernel = bufferization.to_tensor %k
      %spectrum = linalg.generic ins(%kernel)
      ...
    // becomes
    func.func @f_prepare(%k: memref<64xf32>, %p: memref<64xcomplex<f32>>)
    func.func @f(%u: memref<64xf32>, %p: memref<64xcomplex<f32>>, %y: memref<64xf32>) {
      %spectrum = bufferization.to_tensor %p
      ...
    ```

    Single ops without a region that depend on nothing, such as constants, are
    in both. A parameter whose shape is not static is an error: the caller could
    not know how much memory to bring for what is made of it. So is a module
    without parameters.
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect",
                           "::mlir::memref::MemRefDialect"];
}

def Workspace : Pass<"ssm-workspace", "::mlir::ModuleOp"> {
  let summary = "Place static buffers in a workspace argument or on the stack";
  let description = [{
    Runs after bufferization, on functions with `ssm.abi`. A static
    `memref.alloc` outside parallel loops becomes a trailing memref argument;
    `ssm.abi` records its offset in the workspace, a multiple of 64, and the
    total as `workspace_bytes`. One argument per buffer, instead of views of
    one argument, lets LLVM know that buffers do not alias. A buffer has one
    place for the whole call, outside the sequential loops that use it. One of
    at most 512 bytes (and `max-stack-bytes`) in such a loop is on the stack,
    where LLVM may keep it in registers.

    Inside a parallel loop every thread needs its own buffer: those of at most
    `max-stack-bytes` become a `memref.alloca` at the start of the loop body,
    larger ones a slice of the workspace, which has one for each of `threads`
    threads:

    ```mlir
    scf.parallel ... {
      %b = memref.alloc() : memref<65536xf32>
    // becomes
    scf.parallel ... {
      %id = func.call @omp_get_thread_num() : () -> i32
      %offset = %id * 262144
      %b = memref.view %workspace[%offset][] : memref<?xi8> to memref<65536xf32>
    ```

    A buffer whose size is computed, but bounded by a constant, is a part of as
    many bytes as the bound.

    What remains on the heap, for the deallocation pipeline: buffers of
    unbounded size, buffers that a loop carries from one iteration to the next, and large
    buffers in a parallel loop inside another, where thread numbers repeat.
  }];
  let options = [
    Option<"maxStackBytes", "max-stack-bytes", "int64_t", /*default=*/"32768",
           "Largest buffer that a parallel loop body puts on the stack">,
    Option<"threads", "threads", "unsigned", /*default=*/"1",
           "Threads of a parallel loop; with 1 every loop is sequential">
  ];
  let dependentDialects = ["::mlir::memref::MemRefDialect",
                           "::mlir::arith::ArithDialect"];
}

def FuseElementwise : Pass<"ssm-fuse-elementwise", "::mlir::func::FuncOp"> {
  let summary = "Fuse elementwise linalg operations of one block";
  let description = [{
    Upstream's fusion of elementwise operations, restricted to producers in the
    block of their consumer: one outside a loop would be computed again in each
    iteration. But a part that one iteration of `scf.forall` alone reads is
    computed there, by the thread that reads it.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def ReuseIterArgs : Pass<"ssm-reuse-iter-args"> {
  let summary = "Let loops write their next values over the previous ones";
  let description = [{
    Bufferization asks that a tensor that a loop yields is the buffer of the
    iteration argument it replaces; otherwise each iteration allocates. A value
    that was computed elsewhere is moved at the end of the body:

    ```mlir
    scf.for ... iter_args(%h = %init) -> tensor<32xf32> {
      %n = linalg.generic ins(%h) outs(%empty)
      scf.yield %n
    }
    // becomes
    scf.for ... iter_args(%h = %init) -> tensor<32xf32> {
      %n = linalg.generic ins(%h) outs(%empty)
      %m = bufferization.materialize_in_destination %n in %h
      scf.yield %m
    }
    ```

    Empty tensor elimination then computes `%n` in `%h` where the reads of `%h`
    allow it; otherwise one copy and one buffer outside the loop remain. Values
    that would overwrite an iteration argument that another one still needs, as
    in a swap, are copied first.
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def LoopKinds : Pass<"ssm-loop-kinds", "::mlir::func::FuncOp"> {
  let summary = "Decide which loops run on threads";
  let description = [{
    Runs after bufferization. With `threads`, the outermost `scf.forall` and
    `scf.parallel` loops become `scf.parallel`, and so do `scf.for` loops with
    the attribute `ssm.independent` that carry no values. Parallel loops inside
    those, loops with the attribute `ssm.one_thread`, and without `threads` all
    of them, become `scf.for`. So do loops of known size that take less time on
    one core of `target` than starting threads would save (`forkJoin` in
    `include/ssm/Analysis/TargetInfo.h`).
  }];
  let options = [
    Option<"threads", "threads", "bool", /*default=*/"false",
           "Keep the outermost parallel loops parallel">,
    Option<"target", "target", "std::string", "\"\"",
           "host, or a processor; if empty, every loop is worth threads">,
    Option<"rates", "rates", "std::string", "\"\"",
           "file of rates that go before the target's">
  ];
  let dependentDialects = ["::mlir::affine::AffineDialect",
                           "::mlir::scf::SCFDialect"];
}

def HoistStackBuffers
    : Pass<"ssm-hoist-stack-buffers", "::mlir::func::FuncOp"> {
  let summary = "Move static stack buffers out of sequential loops";
  let description = [{
    Runs after convert-vector-to-scf, which puts a `memref.alloca` into the
    innermost loop: control flow without structure does not free it at the end
    of an iteration, and the stack would grow with the trip count. A buffer of
    static size moves to the start of the function or of the parallel loop
    around it. None may carry values from one iteration to the next.
  }];
}

def PairVectors : Pass<"ssm-pair-vectors", "::mlir::func::FuncOp"> {
  let summary = "Take few complex numbers apart by vectors";
  let description = [{
    Runs on loops over memrefs. A loop of up to 64 complex numbers, whole cache
    lines of parts, that takes them apart into two buffers or puts them together
    from two is written down as loads, shuffles and stores of vectors. Buffers
    on the stack then have no index, so that LLVM keeps them in registers.

    ```mlir
    scf.for %i = %c0 to %c16 step %c1 {
      %z = memref.load %in[%i] : memref<16xcomplex<f32>>
      %re = complex.re %z : complex<f32>
      %im = complex.im %z : complex<f32>
      memref.store %re, %res[%i] : memref<16xf32>
      memref.store %im, %ims[%i] : memref<16xf32>
    }
    // becomes
    %z = llvm.load %pointer : !llvm.ptr -> vector<32xf32>
    %re = vector.shuffle %z, %z [0, 2, 4, ...]
    %im = vector.shuffle %z, %z [1, 3, 5, ...]
    vector.store %re, %res[%c0]
    vector.store %im, %ims[%c0]
    ```
  }];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"",
           "CPU to compile for, whose shuffles LLVM does not merge for the worse">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::LLVM::LLVMDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::vector::VectorDialect"];
}

def KeepOrder : Pass<"ssm-keep-order", "::mlir::func::FuncOp"> {
  let summary = "Have loops touch memory in the order that they say";
  let description = [{
    In a loop marked `ssm.in_order`, a fence for the compiler follows what is
    asked for ahead, and each write:

    ```mlir
    scf.for %t = %c0 to %steps step %c1 {
      memref.prefetch ...
      %0 = vector.transfer_read ...
      vector.transfer_write ...
      %1 = vector.transfer_read ...
      vector.transfer_write ...
    } {ssm.in_order}
    // becomes
    scf.for %t = %c0 to %steps step %c1 {
      memref.prefetch ...
      llvm.fence syncscope("singlethread") seq_cst
      %0 = vector.transfer_read ...
      vector.transfer_write ...
      llvm.fence syncscope("singlethread") seq_cst
      %1 = vector.transfer_read ...
      vector.transfer_write ...
      llvm.fence syncscope("singlethread") seq_cst
    }
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def StreamStores : Pass<"ssm-stream-stores", "::mlir::func::FuncOp"> {
  let summary = "Write large results past the caches";
  let description = [{
    Runs on loops over vectors and memrefs. A result of static size that the
    function only writes, and that is at least `min-bytes` large, or a buffer of
    32 MiB or more that the loop only writes, gets non-temporal stores wherever the IR proves that they are aligned if the
    result is; at run time, a loop with such stores or the loop as it was is
    taken by the alignment of the caller's memory.

    ```mlir
    scf.for ... { vector.transfer_write %x, %out[%t, %c] : vector<16xf32>, ... }
    // becomes
    scf.if %aligned {
      scf.for ... {
        vector.store %x, %out[%t, %c] {alignment = 64, nontemporal = true}
      }
      llvm.fence seq_cst
    } else {
      scf.for ... { vector.transfer_write %x, %out[%t, %c] ... }
    }
    ```
  }];
  let options = [
    Option<"minBytes", "min-bytes", "int64_t",
           /*default=*/"::ssm::kStreamedBytes",
           "smallest result that goes past the caches">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::LLVM::LLVMDialect",
                           "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

def ThreadBuffers : Pass<"ssm-thread-buffers", "::mlir::ModuleOp"> {
  let summary = "Give each thread one copy of its loop's buffers, and one fence";
  let description = [{
    Runs after convert-scf-to-openmp. No `omp.parallel` runs on more than
    `threads` threads, for which ssm-workspace has made room, or on more than
    the caller allows: omp_get_max_threads. The static `memref.alloca` of a loop body
    moves to the start of its `omp.parallel`, so that a thread's stack does not
    grow with its iterations, and the `memref.alloca_scope` around the body is
    dissolved. No buffer may carry values from one iteration to the next, which
    holds for those of ssm-workspace. An `llvm.fence` at the end of the body, of
    ssm-stream-stores, moves behind the loop, before the threads meet.
  }];
  let options = [
    Option<"threads", "threads", "unsigned", /*default=*/"1",
           "Largest number of threads">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect"];
}

def ExpandCopies : Pass<"ssm-expand-copies", "::mlir::func::FuncOp"> {
  let summary = "Turn copies of strided buffers into linalg";
  let description = [{
    LLVM's lowering of `memref.copy` calls a runtime library, unless both
    buffers are contiguous. Those that are not become `linalg.generic`; a copy
    of a buffer to itself is erased.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def DotProducts : Pass<"ssm-dot-products", "::mlir::func::FuncOp"> {
  let summary = "Compute products of bf16 matrices in registers";
  let description = [{
    A `linalg.generic` on buffers that is a row-major product of bf16 matrices
    added to one of f32, of static sizes, becomes loops over blocks of 16 rows
    and a vector of columns. A `target` with AVX512-BF16 multiplies pairs of
    bf16, two of which are added to each f32, and rounds vectors to bf16 in the
    same function; others have FMAs of f32. One with AMX-BF16 multiplies tiles, as
    long as their shapes fit its eight registers; `ssm-emit-c-abi` has the kernel
    ask the system for them.
  }];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"",
           "CPU to compile for; FMAs of f32 if there is none">
  ];
  let dependentDialects = ["::mlir::amx::AMXDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect",
                           "::mlir::x86vector::X86VectorDialect"];
}

def PreciseMath : Pass<"ssm-precise-math", "::mlir::ModuleOp"> {
  let summary = "Lower math that LLVM lacks or would compute badly";
  let description = [{
    `math.erf`, `erfc`, `cbrt`, `acosh`, `asinh` and `atanh` become calls to libm,
    one for each element, and `absi`, `ctlz`, `cttz` and `ipowi` on vectors of rank
    2 and more ops on vectors of rank 1. Scalar `math.expm1` and `math.log1p` become calls to libm, those on vectors
    formulas over `exp`, `log` and division. Discretisation depends on them:
    exp(x) - 1 has no correct digit for small steps.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::vector::VectorDialect"];
}

def VectorCalls : Pass<"ssm-vector-calls", "::mlir::ModuleOp"> {
  let summary = "Call libm's functions on whole registers";
  let description = [{
    A `math` op on vectors of f32 or f64 that the C library of `target` has a
    function of vectors for becomes calls of it, one for each register:

    ```mlir
    %y = math.tanh %x : vector<32xf32>
    // becomes, with AVX-512
    %p = vector.shuffle %x, %x [0, ..., 15]
    %q = call @_ZGVeN16v_tanhf(%p) : (vector<16xf32>) -> vector<16xf32>
    ...
    ```

    Errors are below 4 units in the last place, as in loops that LLVM makes
    vectors of. `exp` and `exp2` of f32 stay for ssm-inline-exp.
  }];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"\"host\"",
           "CPU to compile for">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::LLVM::LLVMDialect",
                           "::mlir::vector::VectorDialect"];
}

def InlineExp : Pass<"ssm-inline-exp"> {
  let summary = "Compute the exponential of f32 vectors in line";
  let description = [{
    `math.exp` and `math.exp2` on vectors of f32 become a polynomial and a
    scaling by a power of two, row by row, with an error below one and two units
    in the last place. Other types call libm's functions. A `target` with AVX-512
    scales by an instruction.
  }];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"",
           "CPU to compile for; arithmetic alone if there is none">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::LLVM::LLVMDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::vector::VectorDialect"];
}

def AllowContract : Pass<"ssm-allow-contract"> {
  let summary = "Allow a multiply and an add to be contracted to an FMA";
  let description = [{
    Adds the fast-math flag `contract`, and no other, to every floating-point
    operation but conversions. Reassociation stays forbidden, so results do not
    depend on vector widths. With the flag, a conversion to a narrower type and
    back would be dropped, and its rounding with it.
  }];
}

def FuseProducts : Pass<"ssm-fuse-products", "::mlir::func::FuncOp"> {
  let summary = "Contract a product into each of the sums that use it";
  let description = [{
    A product in f32 or f64 whose uses, two or more, are all sums becomes a fused
    multiply-add in each of them, which is one instruction less: LLVM does so for
    a single use only. All ops concerned must have the fast-math flag `contract`,
    and the `target` the instruction.
  }];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"\"host\"",
           "CPU to compile for">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect"];
}

def HoistAssertions : Pass<"ssm-hoist-assertions", "::mlir::func::FuncOp"> {
  let summary = "Check assertions before anything else";
  let description = [{
    Moves each `cf.assert` of a function to its start, with the ops that its
    condition is computed from, so that nothing has been written or allocated
    when it fails. The conditions must be free of side effects, and assertions
    must not be inside of loops or branches.
  }];
  let dependentDialects = ["::mlir::cf::ControlFlowDialect"];
}

def ReturnStatus : Pass<"ssm-return-status", "::mlir::func::FuncOp"> {
  let summary = "Make failed assertions a status that is returned";
  let description = [{
    Upstream's lowering of `cf.assert` prints and aborts, which a kernel must
    not. A function with assertions and without results returns an `i32`
    instead: 0, or `SSM_ERROR_ASSERTION` from the first assertion that fails.

    ```mlir
    cf.assert %c, "message"
    // becomes
    cf.cond_br %c, ^rest, ^failed
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::cf::ControlFlowDialect"];
}

def EmitCABI : Pass<"ssm-emit-c-abi", "::mlir::ModuleOp"> {
  let summary = "Wrap each kernel in the C functions that callers use";
  let description = [{
    Runs on the LLVM dialect. For each function `K` with `ssm.abi` it emits
    `K_run`, `K_workspace_bytes` and `K_signature` (see `ssm-c/Runtime.h`) and
    makes `K` itself internal, with `noalias` on every data pointer. All checks
    are made by one internal function per module, which reads a constant table
    per kernel. `K` returns nothing, or the status of its assertions.
  }];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"\"host\"",
           "Name of the target, quoted in the signature">,
    Option<"threads", "threads", "unsigned", /*default=*/"1",
           "Largest number of threads, quoted in the signature">
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // SSM_AOT_PASSES_TD
