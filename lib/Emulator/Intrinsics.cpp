//===- Intrinsics.cpp - What a kernel calls, as calls of the machine ------===//
#include "Matrix.h"
#include "Retargeter.h"

#include "llvm/ADT/StringSwitch.h"

using namespace llvm;

namespace ssm::emulator {

//===----------------------------------------------------------------------===//
// Lanes of a warp
//===----------------------------------------------------------------------===//

/// Lanes meet, and each gets the value of another one.
Value *Retargeter::replaceShuffle(CallInst &call, StringRef name) {
  if (!name.consume_front("shfl.sync."))
    return nullptr;
  int mode = StringSwitch<int>(name.split('.').first)
                 .Case("up", 0)
                 .Case("down", 1)
                 .Case("bfly", 2)
                 .Case("idx", 3)
                 .Default(-1);
  if (mode < 0)
    return nullptr;
  IRBuilder<> b(&call);
  Value *value = call.getArgOperand(1), *slot = allocate(call, i32);
  Value *result = callMachine(
      b, "ssm_emu_shuffle", i32,
      {ConstantInt::get(i32, mode), call.getArgOperand(0),
       b.CreateBitCast(value, i32), call.getArgOperand(2),
       call.getArgOperand(3), slot, addSite(Site::Rendezvous, call)});
  result = b.CreateBitCast(result, value->getType());
  if (!call.getType()->isStructTy())
    return result;
  Value *inRange = b.CreateICmpNE(b.CreateLoad(i32, slot), b.getInt32(0));
  Value *pair =
      b.CreateInsertValue(PoisonValue::get(call.getType()), result, {0});
  return b.CreateInsertValue(pair, inRange, {1});
}

/// Barriers and votes.
Value *Retargeter::replaceMeeting(CallInst &call, StringRef name) {
  IRBuilder<> b(&call);
  SmallVector<Value *> args(call.args());
  if (name == "barrier.cta.sync.aligned.all" ||
      name == "barrier.cta.sync.all" || name == "barrier0" ||
      name == "barrier.cta.sync.aligned.count" ||
      name == "barrier.cta.sync.count") {
    Value *id = args.empty() ? b.getInt32(0) : args[0];
    Value *count = args.size() > 1 ? args[1] : b.getInt32(0);
    return callMachine(b, "ssm_emu_barrier", voidTy,
                       {id, count, addSite(Site::Rendezvous, call)});
  }
  if (name == "bar.warp.sync")
    return callMachine(b, "ssm_emu_warp_barrier", voidTy,
                       {args[0], addSite(Site::Rendezvous, call)});
  if (name != "vote.ballot.sync" && name != "vote.any.sync" &&
      name != "vote.all.sync")
    return nullptr;
  Value *ballot = callMachine(
      b, "ssm_emu_ballot", i32,
      {args[0], b.CreateZExt(args[1], i32), addSite(Site::Rendezvous, call)});
  return name == "vote.ballot.sync" ? ballot
         : name == "vote.any.sync"
             ? b.CreateICmpNE(ballot, b.getInt32(0))
             : b.CreateICmpEQ(b.CreateAnd(ballot, args[0]), args[0]);
}

//===----------------------------------------------------------------------===//
// Tensor cores and copies
//===----------------------------------------------------------------------===//

/// Matrices that a warp has in its registers: words of each lane in, words out.
Value *Retargeter::replaceMatrix(CallInst &call, StringRef name) {
  IRBuilder<> b(&call);
  Value *slot = allocate(call, ArrayType::get(i32, kMatrixWords));
  auto word = [&](unsigned i) { return b.CreateConstGEP1_32(i32, slot, i); };
  if (std::optional<MatrixKind> kind = getMatrixKind(name)) {
    for (auto [i, arg] : enumerate(call.args()))
      b.CreateStore(b.CreateBitCast(arg, i32), word(placeOfWord(*kind, i)));
    callMachine(b, "ssm_emu_mma", voidTy,
                {ConstantInt::get(i32, static_cast<int>(*kind)), slot,
                 addSite(Site::Rendezvous, call)});
  } else if (name.consume_front("ldmatrix.sync.aligned.m8n8.x")) {
    auto [count, rest] = name.split('.');
    bool transposed = rest.consume_front("trans.");
    if (!rest.starts_with("b16"))
      return nullptr;
    callMachine(b, "ssm_emu_ldmatrix", voidTy,
                {ConstantInt::get(i32, count[0] - '0'),
                 ConstantInt::get(i32, transposed),
                 b.CreateAddrSpaceCast(call.getArgOperand(0), ptr), slot,
                 addSite(Site::Load, call)});
  } else {
    return nullptr;
  }
  return loadWords(call, slot);
}

/// What orders products of a warp group: see Assembly.cpp.
Value *Retargeter::replaceGroupOrder(CallInst &call, StringRef name) {
  IRBuilder<> b(&call);
  if (name == "wgmma.commit_group.sync.aligned")
    return callMachine(b, "ssm_emu_group_commit", voidTy, {});
  if (name == "fence.proxy.async.shared_cta")
    return callMachine(b, "ssm_emu_fence_proxy", voidTy, {});
  // Registers are those of the thread at once.
  if (name == "wgmma.fence.sync.aligned")
    return callMachine(b, "ssm_emu_yield", voidTy, {});
  return nullptr;
}

/// Copies to shared memory that end when the thread waits for them.
Value *Retargeter::replaceCopy(CallInst &call, StringRef name) {
  if (!name.consume_front("cp.async."))
    return nullptr;
  IRBuilder<> b(&call);
  if (name == "commit.group")
    return callMachine(b, "ssm_emu_commit", voidTy, {});
  if (name == "wait.all")
    return callMachine(b, "ssm_emu_wait", voidTy, {b.getInt32(-1)});
  if (name == "wait.group")
    return callMachine(b, "ssm_emu_wait", voidTy, {call.getArgOperand(0)});
  unsigned bytes = 0;
  if ((!name.consume_front("ca.") && !name.consume_front("cg.")) ||
      !name.consume_front("shared.global.") || name.getAsInteger(10, bytes))
    return nullptr;
  return callMachine(b, "ssm_emu_copy", voidTy,
                     {b.CreateAddrSpaceCast(call.getArgOperand(0), ptr),
                      b.CreateAddrSpaceCast(call.getArgOperand(1), ptr),
                      b.getInt32(bytes), addSite(Site::Load, call),
                      addSite(Site::Store, call)});
}

//===----------------------------------------------------------------------===//
// Threads alone
//===----------------------------------------------------------------------===//

/// The register's number: tid 0-2, ntid 3-5, ctaid 6-8, nctaid 9-11, laneid 12,
/// warpid 13, warpsize 14; -1 for others.
static int getRegister(StringRef name) {
  auto [base, axis] = name.split('.');
  int group = StringSwitch<int>(base)
                  .Case("tid", 0)
                  .Case("ntid", 3)
                  .Case("ctaid", 6)
                  .Case("nctaid", 9)
                  .Default(-1);
  if (group >= 0 && axis.size() == 1 && axis[0] >= 'x' && axis[0] <= 'z')
    return group + (axis[0] - 'x');
  return StringSwitch<int>(name)
      .Case("laneid", 12)
      .Case("warpid", 13)
      .Case("warpsize", 14)
      .Default(-1);
}

/// Functions of the C library for those of the special function unit.
static StringRef getSpecialFunction(StringRef name) {
  for (auto [prefix, function] :
       {std::pair<StringRef, StringRef>{"ex2.approx", "exp2f"},
        {"lg2.approx", "log2f"},
        {"sin.approx", "sinf"},
        {"cos.approx", "cosf"},
        {"tanh.approx", "tanhf"},
        {"sqrt.", "sqrtf"},
        {"rcp.", "ssm_emu_rcp"},
        {"rsqrt.", "ssm_emu_rsqrt"}})
    if (name.starts_with(prefix))
      return function;
  return "";
}

Value *Retargeter::replaceScalar(CallInst &call, StringRef name) {
  IRBuilder<> b(&call);
  StringRef rest = name;
  if (rest.consume_front("read.ptx.sreg.") && getRegister(rest) >= 0)
    return callMachine(b, "ssm_emu_register", i32,
                       {ConstantInt::get(i32, getRegister(rest))});
  if (name.starts_with("membar.") || name.starts_with("fence.") ||
      name == "nanosleep")
    return callMachine(b, "ssm_emu_yield", voidTy, {});
  if (name == "ff2bf16x2.rn") {
    // The second one is low.
    Value *both = PoisonValue::get(call.getType());
    for (unsigned i : {0, 1})
      both = b.CreateInsertElement(
          both, b.CreateFPTrunc(call.getArgOperand(1 - i), b.getBFloatTy()), i);
    return both;
  }
  if (name == "mul.rn.f")
    return b.CreateFMul(call.getArgOperand(0), call.getArgOperand(1));
  if (name.starts_with("div."))
    return b.CreateFDiv(call.getArgOperand(0), call.getArgOperand(1));
  StringRef function = getSpecialFunction(name);
  if (function.empty() || !call.getType()->isFloatTy())
    return nullptr;
  return callMachine(b, function, call.getType(), {call.getArgOperand(0)});
}

Error Retargeter::replaceIntrinsic(CallInst &call, StringRef name) {
  Value *result = nullptr;
  for (auto replace :
       {&Retargeter::replaceGroupOrder, &Retargeter::replaceScalar,
        &Retargeter::replaceShuffle, &Retargeter::replaceMeeting,
        &Retargeter::replaceMatrix, &Retargeter::replaceCopy})
    if (!result)
      result = (this->*replace)(call, name);
  if (!result)
    return createStringError("llvm.nvvm." + name + " cannot be emulated, in '" +
                             call.getFunction()->getName() + "'");
  call.replaceAllUsesWith(result);
  call.eraseFromParent();
  return Error::success();
}

} // namespace ssm::emulator
