//===- Powers.cpp - The taps of a kernel ----------------------------------===//
//
//   K_l = proj(sum_n c_n b_n a_n^l)
//
//   block = one row of taps, `kThreads` x `kSteps` lags
//   for every state n:
//     p = a^l for the thread's first lag l, by squaring
//     for each of its lags, `kThreads` apart:  K += c b p;  p *= a^kThreads
//
// so that neighbouring threads write neighbouring taps. Powers are formed in
// f64, or pairs of f32 where that is slow: a rounding of a is l roundings of
// a^l. Sums are in f64, or f32 then.
//
// Precondition: a diagonal transition; taps of f32 or narrower; a static
// length.
//
// Reference: Gu et al., arXiv 2206.11893, section 3 (the Vandermonde product).
//
//===----------------------------------------------------------------------===//
#include "Powers.h"
#include "WideNum.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace ssm {

static constexpr int64_t kThreads = 128, kSteps = 16;

const char *refusesPowers(MaterializeKernelOp op) {
  if (op.getRow())
    return "its transition mixes states; only diagonal ones are supported";
  if (op.getLength())
    return "its length must be static";
  Type element = getElementTypeOrSelf(op.getResult().getType());
  if (getElementWidth(element) > 32)
    return "its taps must be of f32 or narrower";
  return nullptr;
}

namespace {
class Powers {
public:
  Powers(OpBuilder &b, Kernel &kernel, MaterializeKernelOp op, bool inPairs)
      : b(b), k(kernel), op(op), wide(b, kernel.loc, inPairs),
        maps(op.getIndexingMapsArray()),
        transition(kernel.argument(op.getTransition(), maps[0])),
        input(kernel.argument(op.getInput(), maps[1])),
        output(kernel.argument(op.getOutput(), maps[2])),
        result(kernel.result(op.getResult(), maps.back())),
        isReal(op.getProjection() != Projection::None ||
               !isa<ComplexType>(result.element)) {}

  Launch emit();

private:
  WideNum power(const WideNum &a, Value exponent);
  SmallVector<Num> addState(ArrayRef<Num> sums);
  SmallVector<Value> flatten(ArrayRef<Num> x);
  SmallVector<Num> unflatten(ValueRange values);
  void store(ArrayRef<Num> sums);

  OpBuilder &b;
  Kernel &k;
  MaterializeKernelOp op;
  WideNumBuilder wide;
  SmallVector<AffineMap> maps;
  KernelTensor transition, input, output, result;
  bool isReal;
  SmallVector<Value> indices;
  Value firstLag;
};
} // namespace

SmallVector<Value> Powers::flatten(ArrayRef<Num> x) {
  SmallVector<Value> values;
  for (const Num &value : x) {
    values.push_back(value.re);
    if (value.isComplex())
      values.push_back(value.im);
  }
  return values;
}

SmallVector<Num> Powers::unflatten(ValueRange values) {
  SmallVector<Num> x;
  for (size_t i = 0; i < values.size(); i += isReal ? 1 : 2)
    x.push_back({values[i], isReal ? Value() : values[i + 1]});
  return x;
}

/// a^exponent for an exponent below the length.
WideNum Powers::power(const WideNum &a, Value exponent) {
  int64_t length = getStaticLoopSizes(op)[op.getTime()];
  SmallVector<Value> inits = a.parts();
  size_t parts = inits.size();
  inits.append(wide.one(a.high.isComplex()).parts());
  SmallVector<Value> last = k.loop(
      k.constant(0), k.constant(llvm::Log2_64_Ceil(length)), 1, inits,
      [&](Value bit, const SmallVector<Value> &carried) {
        WideNum square = a.withParts(ArrayRef(carried).take_front(parts));
        WideNum power = a.withParts(ArrayRef(carried).drop_front(parts));
        Value shifted = arith::ShRUIOp::create(b, k.loc, exponent, bit);
        Value isSet = arith::TruncIOp::create(b, k.loc, b.getI1Type(), shifted);
        SmallVector<Value> next = wide.mul(square, square).parts();
        next.append(wide.select(isSet, wide.mul(power, square), power).parts());
        return next;
      });
  return a.withParts(ArrayRef(last).drop_front(parts));
}

/// The thread's taps with those of the state at `indices`.
SmallVector<Num> Powers::addState(ArrayRef<Num> sums) {
  auto read = [&](const KernelTensor &tensor) {
    return k.load(tensor, k.offset(tensor, indices)).front();
  };
  WideNum stride = wide.widen(read(transition));
  Num weight = k.num.mul(read(output), read(input));
  WideNum p = power(stride, firstLag);
  for (int64_t i = 1; i < kThreads; i *= 2)
    stride = wide.mul(stride, stride);
  SmallVector<Num> next;
  for (const Num &sum : sums) {
    Num tap = wide.narrow(p, k.num.constant(0).re.getType());
    next.push_back(k.num.add(sum, isReal ? k.num.realOfProduct(weight, tap)
                                         : k.num.mul(weight, tap)));
    p = wide.mul(p, stride);
  }
  return next;
}

void Powers::store(ArrayRef<Num> sums) {
  Value length = k.size(op.getTime());
  for (auto [i, sum] : llvm::enumerate(sums)) {
    Value lag = k.add(firstLag, k.constant(i * kThreads));
    Value inside =
        arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::slt, lag, length);
    k.when(inside, [&, sum = sum] {
      indices[op.getTime()] = lag;
      Num tap = op.getProjection() == Projection::TwiceReal
                    ? k.num.mul(sum, k.num.constant(2))
                    : sum;
      k.store(result, k.offset(result, indices), tap);
    });
  }
}

Launch Powers::emit() {
  unsigned numDims = maps[0].getNumDims();
  SmallVector<unsigned> rows, states;
  for (unsigned dim = 0; dim < numDims; ++dim)
    if (dim != op.getTime())
      (uses(maps.back(), dim) ? rows : states).push_back(dim);
  indices.resize(numDims);
  GridFactor rowFactor;
  for (unsigned dim : rows)
    rowFactor.elements.push_back(k.launchSize(dim));
  GridFactor lagFactor{{k.launchSize(op.getTime())}, kThreads * kSteps};
  Value runs = arith::CeilDivUIOp::create(b, k.loc, k.size(op.getTime()),
                                          k.constant(kThreads * kSteps));
  Value block = k.blockIndex();
  k.split(arith::DivUIOp::create(b, k.loc, block, runs), rows, indices);
  Value run = arith::RemUIOp::create(b, k.loc, block, runs);
  firstLag = k.add(k.mul(run, k.constant(kThreads * kSteps)), k.threadIndex());

  Num zero = k.num.constant(0);
  if (!isReal)
    zero.im = zero.re;
  Value count = k.constant(1);
  for (unsigned dim : states)
    count = k.mul(count, k.size(dim));
  store(unflatten(k.loop(k.constant(0), count, 1,
                         flatten(SmallVector<Num>(kSteps, zero)),
                         [&](Value state, const SmallVector<Value> &sums) {
                           k.split(state, states, indices);
                           return flatten(addState(unflatten(sums)));
                         })));
  gpu::ReturnOp::create(b, k.loc);
  Launch launch;
  launch.threads = kThreads;
  launch.grid = {rowFactor, lagFactor};
  return launch;
}

Launch emitPowers(OpBuilder &b, gpu::GPUModuleOp parent, func::FuncOp function,
                  MaterializeKernelOp op, StringRef chip) {
  bool inPairs = GPUChip::forName(std::string_view(chip)).isSlowInF64;
  Kernel kernel(b, {parent, function}, op.getLoc(), getStaticLoopSizes(op),
                inPairs ? b.getF32Type() : b.getF64Type(), kThreads);
  return Powers(b, kernel, op, inPairs).emit();
}

} // namespace ssm
