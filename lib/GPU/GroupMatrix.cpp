//===- GroupMatrix.cpp - Matrices for a group of warps --------------------===//
//
// wgmma: the tensor cores read the right factor from shared memory, for all
// four warps at once, and the left one from there or from registers. No
// instruction loads them, and warps go on until they wait. A factor in shared
// memory has rows of 64 elements, whose units are permuted as SharedTile does;
// a descriptor says where it begins, how far eight rows are from the next ones,
// and which permutation it is.
//
// LLVM has no intrinsics for these products. In inline PTX sums are both
// operands and results, of waits too, so that nothing reads them before.
//
// Reference: PTX ISA 8.5, 9.7.14.5.
//
//===----------------------------------------------------------------------===//
#include "GroupMatrix.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace ssm {

static constexpr int64_t kDepth = 16; ///< Of a product.
/// Descriptors count units of 16 bytes.
static constexpr int64_t kRowUnits = GroupMatrix::kSize / kUnit;

//===----------------------------------------------------------------------===//
// Factors
//===----------------------------------------------------------------------===//

GroupMatrix::Factor GroupMatrix::describe(SharedTile &tile, Value row,
                                          int64_t below, bool isTransposed,
                                          int64_t panel) {
  Type i32 = b.getI32Type(), i64 = b.getI64Type();
  auto constant = [&](int32_t value) {
    return arith::ConstantOp::create(b, k.loc, b.getI32IntegerAttr(value));
  };
  Value place = LLVM::PtrToIntOp::create(
      b, k.loc, i32, tile.address(row, below, k.constant(0)));
  place = arith::AndIOp::create(b, k.loc, place, constant(0x3ffff));
  place = arith::ShRUIOp::create(b, k.loc, place, constant(4));
  place = arith::ExtUIOp::create(b, k.loc, i64, place);
  constexpr int64_t eightRows = 8 * kRowUnits, permutedBy128 = 1;
  Value shape = k.constant(permutedBy128 << 62 | eightRows << 32 |
                           panel * kRowUnits << 16);
  return {arith::OrIOp::create(b, k.loc, place, shape), isTransposed, panel};
}

/// Where 16 of what is summed over begin.
Value GroupMatrix::place(const Factor &factor, int64_t step) {
  int64_t units = kDepth / kUnit * step;
  int64_t further =
      factor.isTransposed
          ? kDepth * kRowUnits * step
          : units / kRowUnits * factor.panel * kRowUnits + units % kRowUnits;
  return k.add(factor.descriptor, k.constant(further));
}

//===----------------------------------------------------------------------===//
// Order
//===----------------------------------------------------------------------===//

void GroupMatrix::callIntrinsic(StringRef name) {
  LLVM::CallIntrinsicOp::create(b, k.loc, b.getStringAttr(name), ValueRange{});
}

void GroupMatrix::enterRegisters() {
  callIntrinsic("llvm.nvvm.wgmma.fence.sync.aligned");
}
void GroupMatrix::enterMemory() {
  callIntrinsic("llvm.nvvm.fence.proxy.async.shared_cta");
}
void GroupMatrix::commit() {
  callIntrinsic("llvm.nvvm.wgmma.commit_group.sync.aligned");
}

void GroupMatrix::wait(int64_t left, ArrayRef<Sums> all) {
  SmallVector<Value> together;
  for (Sums sums : all)
    llvm::append_range(together, sums);
  SmallVector<Value> there = assemble(
      "wgmma.wait_group.sync.aligned " + Twine(left) + ";", "", {}, together);
  ArrayRef<Value> rest(there);
  for (Sums sums : all) {
    llvm::copy(rest.take_front(sums.size()), sums.begin());
    rest = rest.drop_front(sums.size());
  }
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// What inline PTX makes of sums: the first operands, so to say, are its
/// results.
SmallVector<Value> GroupMatrix::assemble(const Twine &code, StringRef factors,
                                         ValueRange operands, Sums sums) {
  std::string constraints;
  for (size_t i = 0; i < sums.size(); ++i)
    constraints += i ? ",=f" : "=f";
  constraints += factors;
  for (size_t i = 0; i < sums.size(); ++i)
    constraints += "," + std::to_string(i);
  SmallVector<Type> types(sums.size(), b.getF32Type());
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), types);
  SmallVector<Value> args(operands);
  llvm::append_range(args, sums);
  Value all = LLVM::InlineAsmOp::create(
                  b, k.loc, type, args, code.str(), constraints + ",~{memory}",
                  /*has_side_effects=*/true, /*is_align_stack=*/false,
                  LLVM::tailcallkind::TailCallKind::None,
                  LLVM::AsmDialectAttr(), ArrayAttr())
                  .getResult(0);
  SmallVector<Value> results;
  for (size_t i = 0; i < sums.size(); ++i)
    results.push_back(LLVM::ExtractValueOp::create(b, k.loc, all, i));
  return results;
}

/// Of no value, so that nothing is moved there while other products are under
/// way.
SmallVector<Value> GroupMatrix::makeSums(int64_t columns) {
  return SmallVector<Value>(columns * kSize / (4 * kWarp),
                            LLVM::PoisonOp::create(b, k.loc, b.getF32Type()));
}

/// Of the first product, sums are not read.
void GroupMatrix::multiply16(Sums sums, bool isFirst, ValueRange left,
                             Value right, ArrayRef<bool> transposed) {
  auto list = [](size_t from, size_t count) {
    std::string all;
    for (size_t i = from; i < from + count; ++i)
      all += (i == from ? "$" : ", $") + std::to_string(i);
    return all;
  };
  bool inRegisters = left.size() > 1;
  size_t count = sums.size();
  std::string factor = list(count, left.size());
  std::string flags;
  for (bool flag : transposed)
    flags += flag ? ", 1" : ", 0";
  SmallVector<Value> operands(left);
  operands.push_back(right);
  SmallVector<Value> results = assemble(
      "{\n.reg .pred p;\nsetp.ne.b32 p, " + Twine(isFirst ? 0 : 1) +
          ", 0;\n"
          "wgmma.mma_async.sync.aligned.m64n" +
          Twine(4 * kWarp * count / kSize) + "k16.f32.bf16.bf16 {" +
          list(0, count) + "}, " + (inRegisters ? "{" + factor + "}" : factor) +
          ", " + list(count + left.size(), 1) + ", p, 1, 1" + flags + ";\n}",
      inRegisters ? ",r,r,r,r,l" : ",l,l", operands, sums);
  llvm::copy(results, sums.begin());
}

void GroupMatrix::multiplyAdd(Sums sums, const Factor &left,
                              const Factor &right, int64_t depth) {
  for (int64_t step = 0; step < depth / kDepth; ++step)
    multiply16(sums, /*isFirst=*/false, place(left, step), place(right, step),
               {left.isTransposed, right.isTransposed});
}

SmallVector<Value> GroupMatrix::multiply(const Factor &left,
                                         const Factor &right, int64_t depth,
                                         int64_t columns) {
  SmallVector<Value> sums = makeSums(columns);
  for (int64_t step = 0; step < depth / kDepth; ++step)
    multiply16(sums, step == 0, place(left, step), place(right, step),
               {left.isTransposed, right.isTransposed});
  return sums;
}

SmallVector<Value> GroupMatrix::multiply(ArrayRef<Words> left,
                                         const Factor &right) {
  SmallVector<Value> sums = makeSums(kSize);
  for (auto [step, words] : llvm::enumerate(left))
    multiply16(sums, step == 0, ArrayRef<Value>(words), place(right, step),
               {right.isTransposed});
  return sums;
}

} // namespace ssm
