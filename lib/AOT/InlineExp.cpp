//===- InlineExp.cpp - The exponential of f32 vectors in line -------------===//
//
//   exp(x) = 2^n exp(r),   n = round(x / ln 2),   r = x - n ln 2
//   exp(r) = 1 + (r + r^2 q(r)),   |r| <= ln 2 / 2
//
// q is a polynomial of degree 4, off by 0.05 units in the last place of exp(r).
// n is rounded by adding 1.5 * 2^23, in whose sum the low bits are the integer
// n; 2^n is two factors, of which each is a normal number, so that results that
// overflow or are subnormal come out as they should. 2^x is the same without
// the logarithm, with a polynomial of degree 6.
//
// AVX2 permutes eight lanes by others. The exponent is then even, so that its
// two factors are equal, and what is left is looked up:
//
//   2^x = 2^k 2^(i/4) 2^r 2^k,   x = 2k + i/4 + r,   0 <= i < 8,   |r| <= 1/8
//
// AVX-512 has instructions for both ends: vreduce gives what x is above a
// multiple of 1/32 or of 1, and vscalef multiplies by 2^floor(x), both with any
// argument. Sixteen lanes then need a table and two coefficients only:
//
//   2^x = 2^floor(x) 2^(i/32) 2^s,   x = floor(x) + i/32 + s,   0 <= s < 1/32
//
// where i is in the low bits of x + 1.5 * 2^18, rounded down.
//
// Where 2^x is known to be a normal number (lib/Lowering/NormalPowers.cpp) n
// is added to the exponent of what it multiplies. On AVX2 that is 2^(i/8):
//
//   2^x = 2^k 2^(i/8) 2^r,   x = k + i/8 + r,   0 <= i < 8,   |r| <= 1/16
//
// The error of exp(x) is below one unit in the last place, that of 2^x below
// two; it is exact where x is whole (test/Integration/CPU/test_exp.py).
//
// A call of a vector function would spill every vector register around it: the
// states of a selective scan are in those.
//
// Reference: Tang, "Table-Driven Implementation of the Exponential Function in
// IEEE Floating-Point Arithmetic" (1989), on the reduction.
//
//===----------------------------------------------------------------------===//
#include "Target.h"
#include "ssm/AOT/Passes.h"
#include "ssm/Utils/NormalPowers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include <cmath>

namespace ssm {
#define GEN_PASS_DEF_INLINEEXP
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;

namespace {
/// Instructions for whole registers that a target has beside arithmetic.
enum class Means { None, Permutes, Scales };

/// Arithmetic on vectors of f32 and of their bits.
class ExpBuilder {
public:
  /// `isNormal`: 2^x is a normal number.
  ExpBuilder(OpBuilder &b, Location loc, VectorType type, Means means,
             bool isNormal)
      : b(b), loc(loc), type(type), bitsType(type.clone(b.getI32Type())),
        means(means), isNormal(isNormal) {}

  Value emitExp(Value x);
  Value emitExp2(Value x);

private:
  Value emitExp2ByTable(Value x);
  Value emitExp2ByEvenExponent(Value x);
  Value emitNormalExp2ByTable(Value x);
  Value limitExp2(Value x);
  Value constant(double value) {
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(type, b.getF32FloatAttr(value)));
  }
  Value bits(int32_t value) {
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(bitsType, b.getI32IntegerAttr(value)));
  }
  Value fma(Value x, Value y, Value z) {
    return math::FmaOp::create(b, loc, x, y, z);
  }
  Value sub(Value x, Value y) { return arith::SubFOp::create(b, loc, x, y); }
  /// The polynomial with these coefficients, the highest power's first.
  Value polynomial(Value x, ArrayRef<double> coefficients) {
    Value sum = constant(coefficients[0]);
    for (double coefficient : coefficients.drop_front())
      sum = fma(sum, x, constant(coefficient));
    return sum;
  }
  /// x where it compares with `bound`, or is NaN; else the bound.
  Value limit(Value x, arith::CmpFPredicate beyond, double bound) {
    Value limitValue = constant(bound);
    Value isBeyond = arith::CmpFOp::create(b, loc, beyond, x, limitValue);
    return arith::SelectOp::create(b, loc, isBeyond, limitValue, x);
  }
  Value bitsOf(Value x) {
    return arith::BitcastOp::create(b, loc, bitsType, x);
  }
  Value table(ArrayRef<float> values) {
    return arith::ConstantOp::create(b, loc,
                                     DenseElementsAttr::get(type, values));
  }
  /// The numbers with these bits.
  Value table(ArrayRef<int32_t> values) {
    Value all = arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(bitsType, values));
    return arith::BitcastOp::create(b, loc, type, all);
  }
  /// The number whose exponent, with its bias, is in the low bits; those above
  /// are 0.
  Value powerOfTwo(Value biased) {
    Value shifted = arith::ShLIOp::create(b, loc, biased, bits(23));
    return arith::BitcastOp::create(b, loc, type, shifted);
  }
  /// x 2^n, both of which are normal numbers, where the bits of `shifted` from
  /// `place` on are those of n.
  Value addToExponent(Value x, Value shifted, int32_t place) {
    Value exponent =
        arith::ShLIOp::create(b, loc, bitsOf(shifted), bits(23 - place));
    Value sum = arith::AddIOp::create(b, loc, bitsOf(x), exponent);
    return arith::BitcastOp::create(b, loc, type, sum);
  }
  /// p 2^n, where `shifted` is n + kShift.
  Value scale(Value p, Value n, Value shifted);
  Value integer(int64_t value, unsigned width = 32) {
    return LLVM::ConstantOp::create(b, loc, b.getIntegerType(width), value);
  }
  Value intrinsic(const Twine &name, ValueRange args) {
    return LLVM::CallIntrinsicOp::create(
               b, loc, type, b.getStringAttr("llvm.x86." + name), args)
        .getResult(0);
  }
  /// The same with a mask that leaves nothing out.
  Value masked(StringRef name, ValueRange args);
  /// x minus the multiple of 2^-bits below it.
  Value reduce(Value x, int64_t bits) {
    return masked("reduce", {x, integer(bits << 4 | /*down*/ 1)});
  }

  OpBuilder &b;
  Location loc;
  VectorType type, bitsType;
  Means means;
  bool isNormal;
};
} // namespace

constexpr int32_t kBias = 127;
/// Its last bits are zero, so that those of a sum are an integer.
constexpr double kInteger = 12582912.0; // 1.5 * 2^23
/// The same with two biases.
constexpr double kShift = kInteger + 2 * kBias;

Value ExpBuilder::masked(StringRef name, ValueRange args) {
  int64_t lanes = type.getNumElements();
  SmallVector<Value> all(args);
  all.push_back(args[0]); // for the lanes that the mask leaves out
  all.push_back(integer(-1, std::max<int64_t>(lanes, 8)));
  if (lanes == 16)
    all.push_back(integer(4)); // the current rounding mode
  return intrinsic("avx512.mask." + name + ".ps." + Twine(lanes * 32), all);
}

Value ExpBuilder::scale(Value p, Value n, Value shifted) {
  if (means == Means::Scales)
    return masked("scalef", {p, n});
  if (isNormal)
    return addToExponent(p, shifted, /*place=*/0);
  // n and two biases fall into halves of one bias each.
  Value both = bitsOf(shifted);
  Value half = arith::ShRUIOp::create(b, loc, both, bits(1));
  Value rest = arith::SubIOp::create(b, loc, both, half);
  p = arith::MulFOp::create(b, loc, p, powerOfTwo(half));
  return arith::MulFOp::create(b, loc, p, powerOfTwo(rest));
}

Value ExpBuilder::emitExp(Value x) {
  // ln 2 = high + low; n * high is exact.
  constexpr double kLog2E = 1.44269504088896341, kLn2High = 0.693359375,
                   kLn2Low = -2.12194440054690583e-4;
  constexpr double kQ[] = {0.0013814015963496016, 0.008368998026462628,
                           0.04166841542028987, 0.16666518306207778,
                           0.4999999329061326};
  // 1. Beyond these the result is infinite, or zero.
  x = limit(x, arith::CmpFPredicate::OGT, 90.0);
  x = limit(x, arith::CmpFPredicate::OLT, -105.0);
  // 2. n and r.
  Value shifted = fma(x, constant(kLog2E), constant(kShift));
  Value n = sub(shifted, constant(kShift));
  Value r = fma(n, constant(-kLn2High), x);
  r = fma(n, constant(-kLn2Low), r);
  // 3. exp(r).
  Value q = polynomial(r, kQ);
  Value square = arith::MulFOp::create(b, loc, r, r);
  Value p = arith::AddFOp::create(b, loc, fma(square, q, r), constant(1.0));
  // 4. 2^n exp(r).
  return scale(p, n, shifted);
}

Value ExpBuilder::emitExp2ByTable(Value x) {
  SmallVector<float> powers;
  for (int64_t i = 0; i < 32; ++i)
    powers.push_back(std::exp2(double(i) / 32));
  // 1. 2^(i/32), and s.
  Value shifted = intrinsic("avx512.add.ps.512", {x, constant(393216.0),
                                                  integer(/*rounded down*/ 9)});
  Value power =
      intrinsic("avx512.vpermi2var.ps.512",
                {table(ArrayRef(powers).take_front(16)), bitsOf(shifted),
                 table(ArrayRef(powers).drop_front(16))});
  Value s = reduce(x, /*bits=*/5);
  // 2. 2^s = 1 + s (c1 + c2 s), off by 7e-8.
  Value q = polynomial(s, {0.24265669286251068, 0.6931236386299133});
  Value p = fma(arith::MulFOp::create(b, loc, power, s), q, power);
  return masked("scalef", {p, x});
}

/// x, as far as 2^x is neither infinite nor zero.
Value ExpBuilder::limitExp2(Value x) {
  if (isNormal)
    return x;
  x = limit(x, arith::CmpFPredicate::OGT, 129.0);
  return limit(x, arith::CmpFPredicate::OLT, -151.0);
}

Value ExpBuilder::emitExp2ByEvenExponent(Value x) {
  // The bits of 2^(i/4) above those of 1, which add up with those of 2^k.
  SmallVector<int32_t> powers;
  for (int64_t i = 0; i < 8; ++i)
    powers.push_back(llvm::bit_cast<int32_t>(float(std::exp2(i / 4.0))) -
                     (kBias << 23));
  // 1. x in quarters, whose integer has a bias, and r.
  constexpr double kQuarters = 3145728.0 + 2 * kBias; // 1.5 * 2^21
  x = limitExp2(x);
  Value shifted = arith::AddFOp::create(b, loc, x, constant(kQuarters));
  Value r = sub(x, sub(shifted, constant(kQuarters)));
  // 2. 2^(i/4) 2^k, which is exact.
  Value k = arith::ShRUIOp::create(b, loc, bitsOf(shifted), bits(3));
  Value scaling = powerOfTwo(k);
  Value above =
      bitsOf(intrinsic("avx2.permps", {table(powers), bitsOf(shifted)}));
  Value power = arith::BitcastOp::create(
      b, loc, type, arith::AddIOp::create(b, loc, above, bitsOf(scaling)));
  // 3. 2^r = 1 + r q(r), off by 3e-9.
  Value q = polynomial(r, {0.009616182778317555, 0.05552995397453663,
                           0.24022656055146321, 0.693147081440828});
  Value p = fma(arith::MulFOp::create(b, loc, power, r), q, power);
  return arith::MulFOp::create(b, loc, p, scaling);
}

Value ExpBuilder::emitNormalExp2ByTable(Value x) {
  // The bits of 2^(i/8) less those of i, which are shifted with those of k.
  SmallVector<int32_t> powers;
  for (int32_t i = 0; i < 8; ++i)
    powers.push_back(llvm::bit_cast<int32_t>(float(std::exp2(i / 8.0))) -
                     (i << 20));
  // 1. x in eighths, and r.
  constexpr double kEighths = 1572864.0; // 1.5 * 2^20
  Value shifted = arith::AddFOp::create(b, loc, x, constant(kEighths));
  Value r = sub(x, sub(shifted, constant(kEighths)));
  // 2. 2^k 2^(i/8).
  Value power = addToExponent(
      intrinsic("avx2.permps", {table(powers), bitsOf(shifted)}), shifted,
      /*place=*/3);
  // 3. 2^r = 1 + r q(r), off by 3e-8.
  Value q = polynomial(
      r, {0.055496221798753895, 0.24025762982923682, 0.6931472142603403});
  return fma(arith::MulFOp::create(b, loc, power, r), q, power);
}

Value ExpBuilder::emitExp2(Value x) {
  if (means == Means::Permutes)
    return isNormal ? emitNormalExp2ByTable(x) : emitExp2ByEvenExponent(x);
  if (means == Means::Scales && type.getNumElements() == 16)
    return emitExp2ByTable(x);
  if (means == Means::Scales) {
    // Off by 2e-9 on [0, 1).
    constexpr double kP[] = {0.00021612917483626254,
                             0.0012467845782550187,
                             0.009675451630771159,
                             0.055485280591245696,
                             0.2402293055572465,
                             0.6931470444430343,
                             1.0};
    return masked("scalef", {polynomial(reduce(x, /*bits=*/0), kP), x});
  }
  // Off by 2e-9 on [-1/2, 1/2].
  constexpr double kP[] = {0.00015353362059024767,
                           0.0013398874492683837,
                           0.009618437357742019,
                           0.055503324709455716,
                           0.2402264791362416,
                           0.6931472028551372,
                           1.0};
  double shift = isNormal ? kInteger : kShift;
  x = limitExp2(x);
  Value shifted = arith::AddFOp::create(b, loc, x, constant(shift));
  Value n = sub(shifted, constant(shift));
  return scale(polynomial(sub(x, n), kP), n, shifted);
}

/// Lanes of a register, of which there are instructions, that the last
/// dimension is a multiple of; or 0.
static int64_t getRegisterLanes(VectorType type, Means means) {
  SmallVector<int64_t> widths;
  if (means == Means::Scales)
    widths = {16, 8, 4};
  else if (means == Means::Permutes)
    widths = {8};
  for (int64_t lanes : widths)
    if (type.getShape().back() % lanes == 0)
      return lanes;
  return 0;
}

namespace {
template <typename ExpOp>
struct VectorExp : OpRewritePattern<ExpOp> {
  VectorExp(MLIRContext *context, Means means)
      : OpRewritePattern<ExpOp>(context), means(means) {}

  LogicalResult matchAndRewrite(ExpOp op,
                                PatternRewriter &rewriter) const override {
    auto type = dyn_cast<VectorType>(op.getType());
    if (!type || !type.getElementType().isF32() || type.isScalable() ||
        type.getRank() == 0)
      return rewriter.notifyMatchFailure(op, "not a vector of f32");
    // A row is finished before the next begins: what lies between its steps
    // stays in registers.
    Location loc = op.getLoc();
    int64_t lanes = getRegisterLanes(type, means);
    int64_t width = lanes ? lanes : type.getShape().back();
    int64_t count = type.getNumElements() / width;
    auto row = VectorType::get({width}, type.getElementType());
    auto rows = VectorType::get({count, width}, type.getElementType());
    Value in =
        vector::ShapeCastOp::create(rewriter, loc, rows, op.getOperand());
    Value out =
        arith::ConstantOp::create(rewriter, loc, rewriter.getZeroAttr(rows));
    ExpBuilder builder(rewriter, loc, row, lanes ? means : Means::None,
                       op->hasAttr(::ssm::kNormalPowerAttrName));
    for (int64_t i = 0; i < count; ++i) {
      Value x = vector::ExtractOp::create(rewriter, loc, in, i);
      if constexpr (std::is_same_v<ExpOp, math::ExpOp>)
        x = builder.emitExp(x);
      else
        x = builder.emitExp2(x);
      out = vector::InsertOp::create(rewriter, loc, x, out, i);
    }
    rewriter.replaceOpWithNewOp<vector::ShapeCastOp>(op, type, out);
    return success();
  }

  Means means;
};

struct InlineExp : ::ssm::impl::InlineExpBase<InlineExp> {
  using InlineExpBase::InlineExpBase;

  void runOnOperation() override {
    Means means = ::ssm::hasVectorScaling(target)    ? Means::Scales
                  : ::ssm::hasVectorPermutes(target) ? Means::Permutes
                                                     : Means::None;
    RewritePatternSet patterns(&getContext());
    patterns.add<VectorExp<math::ExpOp>, VectorExp<math::Exp2Op>>(&getContext(),
                                                                  means);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
