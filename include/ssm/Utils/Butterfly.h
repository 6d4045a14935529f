//===- Butterfly.h - Transforms of a few numbers ----------------*- C++ -*-===//

#ifndef SSM_UTILS_BUTTERFLY_H
#define SSM_UTILS_BUTTERFLY_H

#include "ssm/Utils/Wide.h"

#include <utility>

namespace ssm {

/// exp(2 pi i k / n), each part rounded once.
std::pair<double, double> rootOfUnity(int64_t k, int64_t n);

/// z exp(-+ 2 pi i k / n), without multiplications by 1, -1, i and -i.
Num rotate(NumBuilder &num, Num z, int64_t k, int64_t n, bool inverse);

/// The discrete Fourier transform of `z`, in place, written out. Its size is a
/// power of two or odd; the sum of products that it takes grows with the square
/// of an odd one.
void emitButterfly(NumBuilder &num, llvm::MutableArrayRef<Num> z, bool inverse);

/// The same for 1, 2 or 4 wide numbers.
void emitButterfly(LooseWideBuilder &wide, llvm::MutableArrayRef<Wide> z,
                   bool inverse);

} // namespace ssm

#endif // SSM_UTILS_BUTTERFLY_H
