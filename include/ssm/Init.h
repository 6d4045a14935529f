//===- Init.h - Registration of everything ssm provides ---------*- C++ -*-===//
#ifndef SSM_INIT_H
#define SSM_INIT_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace ssm {

/// Adds the ssm dialect, its external models and every upstream dialect and
/// extension that its pipelines produce.
void registerAll(mlir::DialectRegistry &registry);

/// Registers every ssm pass and pipeline with the global pass registry.
void registerPasses();

} // namespace ssm

#endif // SSM_INIT_H
