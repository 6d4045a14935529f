//===- Registry.cpp - The table of strategies -----------------------------===//
#include "ssm/Strategy/Strategy.h"

using namespace ssm;

llvm::ArrayRef<Strategy> ssm::getStrategies() {
  static const Strategy table[] = {kSequential, kTreeScan, kFFTConv,
                                   kDirectConv};
  return table;
}
