//===- CarriedArrays.cpp - Rows that loops carry as one value -------------===//
//
// A vector of two dimensions becomes an array of vectors in LLVM. Arithmetic
// takes rows out and puts them back, but what a loop carries stays an array,
// through which LLVM sees no row:
//
// Before: %h = phi [2 x <16 x float>] [ %start, %entry ], [ %next, %body ]
// After:  %h0 = phi <16 x float> [ extractvalue %start, 0 ], ...
//         %h1 = phi <16 x float> [ extractvalue %start, 1 ], ...
//         %h = insertvalue (insertvalue poison, %h0, 0), %h1, 1
//
//===----------------------------------------------------------------------===//
#include "CarriedArrays.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"

using namespace llvm;

/// Replaces the array by its rows, which it returns.
static SmallVector<PHINode *> split(PHINode &array) {
  auto *type = cast<ArrayType>(array.getType());
  BasicBlock *block = array.getParent();
  SmallVector<PHINode *> rows;
  for (unsigned i = 0; i < type->getNumElements(); ++i) {
    IRBuilder<> b(&array);
    PHINode *row =
        b.CreatePHI(type->getElementType(), array.getNumIncomingValues());
    for (auto [value, from] :
         zip_equal(array.incoming_values(), array.blocks())) {
      b.SetInsertPoint(from->getTerminator());
      row->addIncoming(b.CreateExtractValue(value, i), from);
    }
    rows.push_back(row);
  }
  IRBuilder<> b(block, block->getFirstInsertionPt());
  Value *whole = PoisonValue::get(type);
  for (auto [i, row] : enumerate(rows))
    whole = b.CreateInsertValue(whole, row, i);
  array.replaceAllUsesWith(whole);
  array.eraseFromParent();
  return rows;
}

/// Whether the value is an array of vectors, or of such arrays.
static bool isArrayOfVectors(const Value &value) {
  Type *type = value.getType();
  while (auto *array = dyn_cast<ArrayType>(type))
    type = array->getElementType();
  return value.getType()->isArrayTy() && type->isVectorTy();
}

void ssm::splitCarriedArrays(Module &module) {
  SmallVector<PHINode *> arrays;
  auto collect = [&](PHINode &phi) {
    if (isArrayOfVectors(phi))
      arrays.push_back(&phi);
  };
  for (Function &function : module)
    for (BasicBlock &block : function)
      for (PHINode &phi : block.phis())
        collect(phi);
  while (!arrays.empty())
    for (PHINode *row : split(*arrays.pop_back_val()))
      collect(*row);
}
