//===- NormalPowers.h - Powers of two of a known size -----------*- C++ -*-===//
#ifndef SSM_UTILS_NORMALPOWERS_H
#define SSM_UTILS_NORMALPOWERS_H

#include "llvm/ADT/StringRef.h"

namespace ssm {

/// On `math.exp2` of f32: its operand is between -kNormalPower and
/// kNormalPower, so that 2^x is a normal number.
inline constexpr llvm::StringLiteral kNormalPowerAttrName = "ssm.normal";
inline constexpr float kNormalPower = 125;

} // namespace ssm

#endif // SSM_UTILS_NORMALPOWERS_H
