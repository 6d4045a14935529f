//===- ConvKernels.cpp - The kernels of a convolution ---------------------===//
//
//   turn   signal and kernel to time last, if they have it elsewhere
//   one kernel for windows that a block holds, or passes over a longer one
//   turn   the result back
//
// Precondition: refusesFFTConv; see GPUConvPlan.
//
//===----------------------------------------------------------------------===//
#include "FFTConv.h"

#include "ssm/IR/LoopDims.h"

using namespace mlir;

namespace ssm {

const char *refusesFFTConv(LongConvOp op, StringRef chip) {
  if (op.getNumerics() == Numerics::Strict)
    return "numerics<strict> asks for exact causality, which rounding in a "
           "transform breaks; numerics<norm> allows it";
  for (Value value : {op.getSignal(), op.getKernel()})
    if (getElementWidth(getElementTypeOrSelf(value.getType())) > 32)
      return "it is in f64, and transforms on a GPU are in f32; convert signal "
             "and kernel";
  ConvShape shape(op);
  GPUChip model = GPUChip::forName(std::string_view(chip));
  if (shape.hasMatrices && !model.multipliesMatrices)
    return "its strategy asks for products of matrices of bf16, and the chip "
           "has no such products; leave matrix out";
  if (ShapedType::isDynamic(shape.sizes[shape.lag]))
    return "the number of taps must be known; give the kernel a static length";
  return nullptr;
}

/// The first kernel has the function's name.
Kernel ConvKernels::begin(int64_t threads) {
  std::string part;
  if (isFurther)
    part = findPart(parent, function, number);
  begun = {(function.getName() + part).str(), threads, {}, 0};
  return Kernel(b, {parent, function, part}, shape.loc, shape.sizes,
                b.getF32Type(), threads, hasWorkspace);
}

void ConvKernels::end(ArrayRef<GridFactor> grid, int64_t workspaceBytes) {
  gpu::ReturnOp::create(b, shape.loc);
  begun.grid.assign(grid.begin(), grid.end());
  begun.workspaceBytesPerBlock = workspaceBytes;
  if (isFurther)
    launch.then.push_back(std::move(begun));
  else
    static_cast<KernelLaunch &>(launch) = std::move(begun);
  isFurther = true;
}

std::optional<Launch> emitConvolution(OpBuilder &b, gpu::GPUModuleOp parent,
                                      func::FuncOp function,
                                      const ConvShape &shape, StringRef chip) {
  GPUConvProblem problem = shape.problem(chip);
  auto plan = GPUConvPlan::forProblem(problem);
  if (!plan) {
    auto error = emitError(shape.loc, "the convolution has no GPU kernel: ");
    StringRef numbers = shape.isComplex ? "complex" : "real";
    if (shape.hasMatrices)
      error << "products of matrices transform windows of at most "
            << GPUConvPlan::mostOfBlock(problem) << " " << numbers
            << " steps on " << chip << ", for at most "
            << GPUConvPlan::mostTaps(problem)
            << " taps if they are to overlap, but it has " << shape.taps
            << " taps; leave matrix out of its strategy";
    else if (ShapedType::isDynamic(shape.sizes[shape.time]))
      error << "a signal of unknown length takes at most "
            << GPUConvPlan::mostTaps(problem) << " " << numbers << " taps on "
            << chip << ", but its kernel has " << shape.taps
            << "; give the signal a static length";
    else
      error << "it needs a transform of more than 2^28 points, for "
            << shape.sizes[shape.time] << " steps and " << shape.taps
            << " taps; cut the signal or the kernel into pieces";
    return std::nullopt;
  }
  bool turnsSignal = shape.isTurned(shape.signalMap);
  bool turnsKernel = shape.isTurned(shape.kernelMap);
  bool turnsResult = shape.isTurned(shape.resultMap);
  ConvKernels kernels(b, parent, function, shape, *plan,
                      plan->hasPasses() || turnsSignal || turnsKernel ||
                          turnsResult);
  if (turnsSignal)
    emitTranspose(kernels, &ConvOperands::signal);
  if (turnsKernel)
    emitTranspose(kernels, &ConvOperands::kernel);
  if (plan->hasMatrices)
    emitMatrixFFTConv(kernels);
  else if (plan->hasPasses())
    emitLongFFTConv(kernels);
  else
    emitFFTConv(kernels);
  if (turnsResult)
    emitTranspose(kernels, &ConvOperands::result);
  return std::move(kernels.launch);
}

} // namespace ssm
