//===- StepExpr.h - What a step of time computes, by element ----*- C++ -*-===//
//
// The body of a loop over time as expressions: one element of a value, in terms
// of elements of the carried states and of tensors. An expression that is
// affine in a state, x -> a x + b with a and b free of x, is one step of a
// linear recurrence, and a and b can be computed for all of time at once.
//
//   %m = arith.mulf %gt, %x : tensor<8xf32>    // g[t, d] x[d]
//   %s = arith.addf %m, %ut : tensor<8xf32>    // g[t, d] x[d] + u[t, d]
//
// Elements are indexed over loop dimensions, of which one is time. Read through
// are elementwise ops on scalars and tensors, linalg ops without a reduction,
// and constants that are the same everywhere.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_IR_STEPEXPR_H
#define SSM_IR_STEPEXPR_H

#include "ssm/Utils/Generic.h"

#include "mlir/IR/OperationSupport.h"

#include <deque>
#include <functional>

namespace ssm {

/// An element: of a state before the step, of a tensor (or a scalar, without a
/// map), or a scalar op applied to elements.
struct Expr {
  enum Kind { State, Input, Apply } kind;
  mlir::Type type;
  /// What it was read from, if anything.
  mlir::Value origin;
  /// The number of a state; bit i of `states` is set where state i occurs.
  unsigned state = 0;
  uint64_t states = 0;
  /// Where the element of an input or state is, from loop dimensions.
  mlir::AffineMap map;
  std::optional<mlir::OperationName> name;
  mlir::DictionaryAttr attributes;
  llvm::SmallVector<const Expr *> operands;

  Expr(Kind kind, mlir::Type type, mlir::Value origin)
      : kind(kind), type(type), origin(origin) {}
};

/// a x + b; a null factor is zero.
struct AffineExprs {
  const Expr *a = nullptr, *b = nullptr;
};

/// Reads the values of a step and owns their expressions.
class StepReader {
public:
  /// What a value is at an edge of the step: an expression; null to look at
  /// what computes it; failure where it cannot be known for all of time.
  using Edge = std::function<mlir::FailureOr<const Expr *>(
      StepReader &, mlir::Value, mlir::AffineMap)>;

  StepReader(unsigned numDims, Edge edge)
      : numDims(numDims), edge(std::move(edge)) {}

  /// The element of `value` that `map` names, or null: see `getBlocker`.
  const Expr *read(mlir::Value value, mlir::AffineMap map);

  /// Writes an expression as a x + b, for x the state of number `state`, or
  /// nothing: see `getBlocker`.
  std::optional<AffineExprs> decompose(const Expr *expr, unsigned state);

  /// The value that could not be read or is not affine.
  mlir::Value getBlocker() const { return blocker; }

  Expr *makeState(mlir::Value value, unsigned state, mlir::AffineMap map);
  Expr *makeInput(mlir::Value value, mlir::AffineMap map);
  const Expr *makeConstant(mlir::Type type, double value);
  const Expr *makeSum(const Expr *x, const Expr *y) { return add(x, y); }
  const Expr *makeProduct(const Expr *x, const Expr *y) {
    return multiply(x, y);
  }
  const Expr *makeConjugate(const Expr *x);

private:
  const Expr *readDefinition(mlir::Value value, mlir::AffineMap map);
  const Expr *readLinalg(mlir::Operation *op, mlir::Value value,
                         mlir::AffineMap map);
  const Expr *blocked(mlir::Value value);
  const Expr *apply(mlir::OperationName name, mlir::DictionaryAttr attributes,
                    mlir::Type type, llvm::ArrayRef<const Expr *> operands,
                    mlir::Value origin = {});
  std::optional<AffineExprs> decomposeApply(const Expr *expr, unsigned state);
  const Expr *binary(llvm::StringRef op, const Expr *x, const Expr *y);
  const Expr *negate(const Expr *x);
  const Expr *add(const Expr *x, const Expr *y);
  const Expr *subtract(const Expr *x, const Expr *y);
  const Expr *multiply(const Expr *x, const Expr *y);

  unsigned numDims;
  Edge edge;
  mlir::Value blocker;
  std::deque<Expr> exprs;
  llvm::DenseMap<std::pair<mlir::Value, mlir::AffineMap>, const Expr *> known;
  llvm::DenseMap<std::pair<const Expr *, unsigned>, AffineExprs> forms;
};

/// Whether it is the 1 that the coefficient of x starts from.
bool isOne(const Expr &expr);

/// Whether an element that the expression reads depends on a loop dimension.
bool usesDim(const Expr &expr, unsigned dim);

/// Computes an expression for all indices of the loop dimensions that it uses
/// and those in `needed`. The result has them in the order of `layout`, unless
/// the expression is a tensor as it is.
Indexed buildSequence(mlir::OpBuilder &b, mlir::Location loc, const Expr &expr,
                      mlir::AffineMap layout,
                      llvm::ArrayRef<mlir::OpFoldResult> loopSizes,
                      llvm::ArrayRef<unsigned> needed = {});

} // namespace ssm

#endif // SSM_IR_STEPEXPR_H
