//===- Passes.td - Passes of the pipelines -----------------*- tablegen -*-===//

#ifndef SSM_PIPELINES_PASSES_TD
#define SSM_PIPELINES_PASSES_TD

include "mlir/Pass/PassBase.td"

def SplitConcatenations
    : Pass<"ssm-split-concatenations", "::mlir::func::FuncOp"> {
  let summary = "compute elementwise operations on the parts of a concatenation";
  let description = [{
    A parallel linalg op that reads a tensor of parts, which `tensor.insert_slice`
    wrote one after the other, becomes one op for each part:

    ```mlir
    %a = tensor.insert_slice %zero into %empty[0, 0] [1, 64] [1, 1]
    %b = tensor.insert_slice %x into %a[1, 0] [99, 64] [1, 1]
    %y = linalg.generic ins(%b, %z) // 100 x 64
    // becomes
    %y0 = linalg.generic ins(%zero, %z[0 .. 1])
    %y1 = linalg.generic ins(%x, %z[1 .. 100])
    ```

    so that the signal of a step before is read where it is, not copied. Of more
    than eight parts it stays one op.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def Vectorize : Pass<"ssm-vectorize", "::mlir::func::FuncOp"> {
  let summary = "vectorize linalg ops on small static tiles of real numbers";
  let description = [{
    Rewrites every linalg op whose iteration space is static and at most
    `max-elements` large, and no more than `max-rows` rows and operations on
    them, to vector ops. Slices that such an op reads and writes become transfers from and to
    the tensor that they are slices of, so that a tile carried around a loop can
    stay in registers.
  }];
  let options = [
    Option<"maxElements", "max-elements", "int64_t", "512",
           "largest iteration space that becomes vectors">,
    Option<"maxRows", "max-rows", "int64_t", "1024",
           "most operations on rows that it is unrolled to">
  ];
  let dependentDialects = ["::mlir::vector::VectorDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::affine::AffineDialect"];
}

def UnshareFills : Pass<"ssm-unshare-fills", "::mlir::func::FuncOp"> {
  let summary = "give each destination an initial value of its own";
  let description = [{
    Clones a tensor computed from scalars only, such as zeros to accumulate on,
    for each op that may compute in its memory.
  }];
}

def FullRankWrites : Pass<"ssm-full-rank-writes", "::mlir::func::FuncOp"> {
  let summary = "write rows at the start of a tensor as vectors of its rank";
  let description = [{
    Bufferization mistakes a shorter vector at indices of zero for a write of
    the whole tensor if it is longer than the tensor's first dimension.
  }];
  let dependentDialects = ["::mlir::vector::VectorDialect"];
}

def HoistSubsets : Pass<"ssm-hoist-subsets", "::mlir::func::FuncOp"> {
  let summary = "hoist tensor slices that a loop reads and writes in place";
  let description = [{
    Upstream's loop-invariant-subset-hoisting on the loops that have anything to
    hoist: a slice or transfer of a carried tensor, at a place that does not
    change. It compares all subsets of a loop in pairs, and without the filter
    that is most of the compile time of a transform.
  }];
}

#endif // SSM_PIPELINES_PASSES_TD
