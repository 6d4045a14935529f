//===- Assembly.cpp - Inline PTX, as calls of the machine -----------------===//
//
// Products of a warp group have no intrinsics. What LLVM gets is
//
//   {
//   .reg .pred p;
//   setp.ne.b32 p, 1, 0;
//   wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16
//     {$0, ..., $31}, $32, $33, p, 1, 1, 0, 1;
//   }
//
// whose operands are factors and, behind them, sums, which 0 in place of the
// first 1 leaves out. A wait has the sums that it is for as operands and
// results.
//
//===----------------------------------------------------------------------===//
#include "GroupProduct.h"
#include "Machine.h"
#include "Retargeter.h"

#include "llvm/IR/InlineAsm.h"
#include "llvm/Support/Regex.h"

using namespace llvm;

namespace ssm::emulator {

/// The values of a call as its struct, from words of a slot.
Value *Retargeter::loadWords(CallInst &call, Value *slot) {
  IRBuilder<> b(&call);
  auto *type = dyn_cast<StructType>(call.getType());
  if (!type)
    return b.CreateLoad(call.getType(), slot);
  Value *result = PoisonValue::get(type);
  for (auto [i, element] : enumerate(type->elements())) {
    Value *word = b.CreateConstGEP1_32(i32, slot, i);
    result = b.CreateInsertValue(result, b.CreateLoad(element, word),
                                 {static_cast<unsigned>(i)});
  }
  return result;
}

Value *Retargeter::replaceGroupProduct(CallInst &call, StringRef code) {
  static const Regex product(
      "^\\{\n\\.reg \\.pred p;\nsetp\\.ne\\.b32 p, ([01]), 0;\n"
      "wgmma\\.mma_async\\.sync\\.aligned\\.m64n(64|128)k16\\.f32\\.bf16\\."
      "bf16 "
      "\\{[^}]*\\}, (\\{[^}]*\\}|\\$[0-9]+), \\$[0-9]+, p, 1, 1, "
      "(([01]), )?([01]);\n\\}$");
  SmallVector<StringRef> parts;
  if (!product.match(code, &parts))
    return nullptr;
  unsigned sums = parts[2] == "64" ? 32 : 64;
  bool inRegisters = parts[3].starts_with("{");
  unsigned flags = (parts[1] == "0" ? IsFirst : 0) |
                   (inRegisters ? LeftInRegisters : 0) |
                   (parts[5] == "1" ? LeftTransposed : 0) |
                   (parts[6] == "1" ? RightTransposed : 0);
  IRBuilder<> b(&call);
  Value *slot = allocate(call, ArrayType::get(i32, kGroupSums + kGroupLeft));
  auto store = [&](unsigned first, unsigned count, unsigned place) {
    for (unsigned i = 0; i < count; ++i)
      b.CreateStore(call.getArgOperand(first + i),
                    b.CreateConstGEP1_32(i32, slot, place + i));
  };
  unsigned left = inRegisters ? kGroupLeft : 1;
  if (call.arg_size() != left + 1 + sums)
    return nullptr;
  if (inRegisters)
    store(0, kGroupLeft, kGroupSums);
  store(left + 1, sums, 0);
  callMachine(b, "ssm_emu_group_product", voidTy,
              {b.getInt32(2 * sums), b.getInt32(flags),
               inRegisters ? b.getInt64(0) : call.getArgOperand(0),
               call.getArgOperand(left), slot, addSite(Site::Load, call)});
  return loadWords(call, slot);
}

Value *Retargeter::replaceGroupWait(CallInst &call, StringRef code) {
  unsigned left = 0;
  if (!code.consume_front("wgmma.wait_group.sync.aligned ") ||
      !code.consume_back(";") || code.getAsInteger(10, left))
    return nullptr;
  IRBuilder<> b(&call);
  Value *slot = allocate(call, ArrayType::get(i32, call.arg_size()));
  for (auto [i, arg] : enumerate(call.args()))
    b.CreateStore(arg, b.CreateConstGEP1_32(i32, slot, i));
  callMachine(b, "ssm_emu_group_wait", voidTy,
              {b.getInt32(left), slot, b.getInt32(call.arg_size())});
  return loadWords(call, slot);
}

Error Retargeter::replaceAssembly(CallInst &call) {
  StringRef code = cast<InlineAsm>(call.getCalledOperand())->getAsmString();
  Value *result = replaceGroupProduct(call, code);
  if (!result)
    result = replaceGroupWait(call, code);
  if (!result)
    return createStringError("inline PTX cannot be emulated: " +
                             describe(call));
  call.replaceAllUsesWith(result);
  call.eraseFromParent();
  return Error::success();
}

} // namespace ssm::emulator
