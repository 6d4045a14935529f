//===- BFloatBits.cpp - bfloat16 without arithmetic, as integers ----------===//
//
// Arithmetic on bfloat16 is done in float. What extends and rounds is integer
// arithmetic (arith-expand), and what is left of the type loads, moves, chooses
// between and stores:
//
//   %r = bitcast i16 %bits to bfloat
//   %y = select i1 %isNaN, bfloat 0xR7FC0, bfloat %r
//   store bfloat %y, ptr %p
//
// A CPU that lacks conversions to bfloat has no registers for such a number.
// Where one lives on in another basic block, LLVM 22 keeps it as a float, and
// rounds it there by a call of __truncsfbf2, which C runtimes before GCC 13
// lack. So all of that is done on the integers:
//
//   %y = select i1 %isNaN, i16 32704, i16 %bits
//   store i16 %y, ptr %p
//
// This comes last: InstCombine turns it back.
//
//===----------------------------------------------------------------------===//
#include "BFloatBits.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstVisitor.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/Utils/Local.h"

using namespace llvm;

namespace {
/// Makes the integers of numbers in one function, each once.
class Bits : public InstVisitor<Bits, Value *> {
public:
  Value *of(Value *number);

  // What each kind of instruction becomes, at its place.
  Value *visitInstruction(Instruction &made);
  Value *visitLoadInst(LoadInst &load);
  Value *visitIntrinsicInst(IntrinsicInst &call);
  Value *visitBitCastInst(BitCastInst &cast);
  Value *visitPHINode(PHINode &phi);
  Value *visitSelectInst(SelectInst &select);
  Value *visitShuffleVectorInst(ShuffleVectorInst &shuffle);
  Value *visitInsertElementInst(InsertElementInst &insert);
  Value *visitExtractElementInst(ExtractElementInst &extract);

private:
  DenseMap<Value *, Value *> bits;
};
} // namespace

static bool isNumber(const Value *value) {
  return value->getType()->getScalarType()->isBFloatTy();
}

static Type *bitsOf(Type *type) {
  return type->getWithNewType(Type::getInt16Ty(type->getContext()));
}

Value *Bits::of(Value *number) {
  if (auto *constant = dyn_cast<Constant>(number))
    return ConstantExpr::getBitCast(constant, bitsOf(number->getType()));
  if (Value *known = bits.lookup(number))
    return known;
  Value *made;
  if (auto *argument = dyn_cast<Argument>(number)) {
    BasicBlock &entry = argument->getParent()->getEntryBlock();
    made = IRBuilder<>(&entry, entry.getFirstInsertionPt())
               .CreateBitCast(number, bitsOf(number->getType()));
  } else {
    made = visit(cast<Instruction>(number));
  }
  return bits[number] = made;
}

/// A conversion, or a call.
Value *Bits::visitInstruction(Instruction &made) {
  BasicBlock::iterator after = *made.getInsertionPointAfterDef();
  return IRBuilder<>(after->getParent(), after)
      .CreateBitCast(&made, bitsOf(made.getType()));
}

Value *Bits::visitLoadInst(LoadInst &load) {
  if (!load.isSimple())
    return visitInstruction(load);
  auto *loaded = IRBuilder<>(&load).CreateAlignedLoad(
      bitsOf(load.getType()), load.getPointerOperand(), load.getAlign());
  loaded->copyMetadata(load);
  return loaded;
}

Value *Bits::visitIntrinsicInst(IntrinsicInst &call) {
  if (call.getIntrinsicID() != Intrinsic::masked_load)
    return visitInstruction(call);
  Value *others = of(call.getArgOperand(2));
  return IRBuilder<>(&call).CreateMaskedLoad(
      others->getType(), call.getArgOperand(0),
      call.getParamAlign(0).valueOrOne(), call.getArgOperand(1), others);
}

Value *Bits::visitBitCastInst(BitCastInst &cast) {
  if (cast.getSrcTy() != bitsOf(cast.getType()))
    return visitInstruction(cast);
  auto *back = dyn_cast<BitCastInst>(cast.getOperand(0));
  return back && back->getSrcTy() == cast.getType() ? of(back->getOperand(0))
                                                    : cast.getOperand(0);
}

/// A phi may be among its own operands.
Value *Bits::visitPHINode(PHINode &phi) {
  PHINode *chosen = IRBuilder<>(&phi).CreatePHI(bitsOf(phi.getType()),
                                                phi.getNumIncomingValues());
  bits[&phi] = chosen;
  for (auto [value, block] : zip(phi.incoming_values(), phi.blocks()))
    chosen->addIncoming(of(value), block);
  return chosen;
}

Value *Bits::visitSelectInst(SelectInst &select) {
  Value *yes = of(select.getTrueValue()), *no = of(select.getFalseValue());
  return IRBuilder<>(&select).CreateSelect(select.getCondition(), yes, no);
}

Value *Bits::visitShuffleVectorInst(ShuffleVectorInst &shuffle) {
  Value *first = of(shuffle.getOperand(0)), *second = of(shuffle.getOperand(1));
  return IRBuilder<>(&shuffle).CreateShuffleVector(first, second,
                                                   shuffle.getShuffleMask());
}

Value *Bits::visitInsertElementInst(InsertElementInst &insert) {
  Value *vector = of(insert.getOperand(0)), *element = of(insert.getOperand(1));
  return IRBuilder<>(&insert).CreateInsertElement(vector, element,
                                                  insert.getOperand(2));
}

Value *Bits::visitExtractElementInst(ExtractElementInst &extract) {
  Value *vector = of(extract.getVectorOperand());
  return IRBuilder<>(&extract).CreateExtractElement(vector,
                                                    extract.getIndexOperand());
}

/// Where numbers leave for memory or for arithmetic.
static bool takesBits(const Instruction &instruction) {
  if (instruction.getNumOperands() == 0 || !isNumber(instruction.getOperand(0)))
    return false;
  if (auto *store = dyn_cast<StoreInst>(&instruction))
    return store->isSimple();
  if (auto *call = dyn_cast<IntrinsicInst>(&instruction))
    return call->getIntrinsicID() == Intrinsic::masked_store;
  if (auto *cast = dyn_cast<BitCastInst>(&instruction))
    return cast->getType() == bitsOf(cast->getSrcTy());
  return isa<FPExtInst>(instruction);
}

/// A bfloat is the upper half of a float.
static Value *extend(IRBuilder<> &b, Value *bits, Type *to) {
  Type *wide = bits->getType()->getWithNewType(b.getInt32Ty());
  Value *upper = b.CreateShl(b.CreateZExt(bits, wide), 16);
  Value *number = b.CreateBitCast(upper, wide->getWithNewType(b.getFloatTy()));
  return number->getType() == to ? number : b.CreateFPExt(number, to);
}

/// Has `taker` take `bits` for its first operand. What replaces it, if that is
/// another one.
static Value *give(Instruction &taker, Value *bits) {
  IRBuilder<> b(&taker);
  if (isa<BitCastInst>(taker))
    return bits;
  if (isa<FPExtInst>(taker))
    return extend(b, bits, taker.getType());
  if (auto *call = dyn_cast<IntrinsicInst>(&taker))
    return b.CreateMaskedStore(bits, call->getArgOperand(1),
                               call->getParamAlign(1).valueOrOne(),
                               call->getArgOperand(2));
  taker.setOperand(0, bits);
  return nullptr;
}

static void moveBits(Function &function) {
  SmallVector<Instruction *> takers;
  for (BasicBlock &block : function)
    copy_if(make_pointer_range(block), std::back_inserter(takers),
            [](Instruction *taker) { return takesBits(*taker); });
  Bits bits;
  SmallVector<WeakTrackingVH> unused;
  for (Instruction *taker : takers) {
    Value *number = taker->getOperand(0);
    unused.push_back(number);
    Value *other = give(*taker, bits.of(number));
    if (!other)
      continue;
    taker->replaceAllUsesWith(other);
    taker->eraseFromParent();
  }
  RecursivelyDeleteTriviallyDeadInstructionsPermissive(unused);
}

void ssm::moveBFloatBits(Module &module) {
  for (Function &function : module)
    moveBits(function);
}
