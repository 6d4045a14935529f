//===- Butterfly.h - Transforms of a few numbers ----------------*- C++ -*-===//

#ifndef SSM_UTILS_BUTTERFLY_H
#define SSM_UTILS_BUTTERFLY_H

#include "ssm/Utils/Wide.h"

namespace ssm {

/// The discrete Fourier transform of `z`, in place, written out. Its size is a
/// power of two or odd; the sum of products that it takes grows with the square
/// of an odd one.
void emitButterfly(NumBuilder &num, llvm::MutableArrayRef<Num> z, bool inverse);

/// The same for 1, 2 or 4 wide numbers.
void emitButterfly(LooseWideBuilder &wide, llvm::MutableArrayRef<Wide> z,
                   bool inverse);

} // namespace ssm

#endif // SSM_UTILS_BUTTERFLY_H
