//===- DimDropperCalls.cpp - Dropping a dimension through calls -----------===//
//
// Arguments of private functions, and what functions return.
//
//===----------------------------------------------------------------------===//

#include "DimDropper.h"

#include "mlir/Transforms/Inliner.h"
#include "mlir/Transforms/InliningUtils.h"

using namespace mlir;
using namespace ssm;

Value DimDropper::ofArgument(BlockArgument argument, unsigned dim) {
  Operation *parent = argument.getOwner()->getParentOp();
  if (auto function = dyn_cast<func::FuncOp>(parent))
    return ofFunctionArgument(function, argument, dim);
  // A value that a loop passes on unchanged.
  if (auto loop = dyn_cast<scf::ForOp>(parent))
    if (OpOperand *init = loop.getTiedLoopInit(argument))
      if (loop.getTiedLoopYieldedValue(argument)->get() == argument)
        return drop(init->get(), dim);
  return blocked(argument);
}

/// The calls of a function that only calls can reach; nothing if there are
/// others.
static std::optional<SmallVector<func::CallOp>>
findCalls(func::FuncOp function) {
  if (!function.isPrivate() || !function.getBody().hasOneBlock())
    return std::nullopt;
  std::optional<SymbolTable::UseRange> uses =
      SymbolTable::getSymbolUses(function, function->getParentOp());
  if (!uses || uses->empty())
    return std::nullopt;
  SmallVector<func::CallOp> calls;
  for (SymbolTable::SymbolUse use : *uses) {
    auto call = dyn_cast<func::CallOp>(use.getUser());
    if (!call)
      return std::nullopt;
    calls.push_back(call);
  }
  return calls;
}

/// A private function's argument is constant if every caller's operand is.
Value DimDropper::ofFunctionArgument(func::FuncOp function,
                                     BlockArgument argument, unsigned dim) {
  unsigned number = argument.getArgNumber();
  if (!calls.empty() && calls.back().getCallee() == function.getSymName()) {
    func::CallOp call = calls.pop_back_val();
    Value result = drop(call.getOperand(number), dim);
    calls.push_back(call);
    return result;
  }
  std::optional<SmallVector<func::CallOp>> callers = findCalls(function);
  if (!callers)
    return blocked(argument);
  SmallVector<Value> passed;
  for (func::CallOp call : *callers)
    passed.push_back(drop(call.getOperand(number), dim));
  if (llvm::is_contained(passed, Value()))
    return blocked(argument);
  if (!b)
    return argument;
  unsigned last = function.getNumArguments();
  if (failed(function.insertArgument(last, typeWithout(argument, dim), {},
                                     argument.getLoc())))
    return blocked(argument);
  for (auto [call, value] : llvm::zip_equal(*callers, passed))
    call->insertOperands(last, value);
  return function.getArgument(last);
}

/// The result of a call is what the callee returns for the call's operands.
Value DimDropper::ofCall(func::CallOp call, Value value, unsigned dim) {
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      call, call.getCalleeAttr());
  if (!callee || !callee.getBody().hasOneBlock() || callee.getNoInline())
    return blocked(value);
  if (b) {
    OpOperand &use = *value.getUses().begin();
    InlinerInterface interface(call.getContext());
    InlinerConfig config;
    if (failed(inlineCall(interface, config.getCloneCallback(), call, callee,
                          &callee.getBody())))
      return blocked(value);
    inlined.push_back(call);
    return drop(use.get(), dim);
  }
  calls.push_back(call);
  Operation *returned = callee.getBody().front().getTerminator();
  unsigned number = cast<OpResult>(value).getResultNumber();
  Value result = drop(returned->getOperand(number), dim);
  calls.pop_back();
  return result;
}
