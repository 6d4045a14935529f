//===- Init.cpp - Registration of everything ssm provides -----------------===//
#include "ssm/Init.h"

#include "ssm/AOT/Passes.h"
#include "ssm/Analysis/Passes.h"
#include "ssm/GPU/Passes.h"
#include "ssm/IR/SSMDialect.h"
#include "ssm/Import/Passes.h"
#include "ssm/Lowering/Passes.h"
#include "ssm/Pipelines/Passes.h"
#include "ssm/Pipelines/Pipelines.h"
#include "ssm/Strategy/Passes.h"
#include "ssm/Transforms/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"

void ssm::registerAll(mlir::DialectRegistry &registry) {
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllGPUToLLVMIRTranslations(registry);
  registry.insert<ssm::SSMDialect>();
}

void ssm::registerPasses() {
  registerSSMAOTPasses();
  registerSSMAnalysisPasses();
  registerSSMGPUPasses();
  registerSSMImportPasses();
  registerSSMLoweringPasses();
  registerSSMStrategyPasses();
  registerSSMTransformsPasses();
  registerSSMPipelinesPasses();
  registerPipelines();
}
