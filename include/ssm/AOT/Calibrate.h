//===- Calibrate.h - What this machine can do, measured ---------*- C++ -*-===//
#ifndef SSM_AOT_CALIBRATE_H
#define SSM_AOT_CALIBRATE_H

#include "llvm/Support/Error.h"
#include <string>

namespace ssm {

/// Measures rates of this machine for some seconds. The result is text for
/// TargetInfo::readRates.
llvm::Expected<std::string> measureRates();

} // namespace ssm

#endif // SSM_AOT_CALIBRATE_H
