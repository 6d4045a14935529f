/*===- Runtime.h - What a compiled kernel and its caller agree on --*- C
-*-===*\
 *
 * A kernel K compiled ahead of time exports three functions:
 *
 *   int K_run(const ssm_tensor *ins, const ssm_tensor *outs,
 *             void *workspace, void *stream);
 *   size_t K_workspace_bytes(void);
 *   const char *K_signature(void);                                 // JSON
 *
 * K_run returns SSM_OK or another ssm_status. It checks every descriptor
 * before it touches any data, and it never aborts or prints; assertions of the
 * program (cf.assert) are checked before any output is touched. Tensors are
 * contiguous and row-major; no output may overlap another tensor. The
 * workspace is K_workspace_bytes() bytes of scratch, aligned to 64 bytes, that
 * no other call uses at the same time; it may be null when that size is 0.
 * `stream` is for kernels that run on a GPU; the others ignore it.
 *
\*===----------------------------------------------------------------------===*/
#ifndef SSM_C_RUNTIME_H
#define SSM_C_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef SSM_TENSOR_DEFINED
#define SSM_TENSOR_DEFINED
/* A view of the caller's data. Strides count elements; null strides mean
 * contiguous and row-major. A tensor of rank 0 may have a null shape. */
typedef struct {
  void *data;
  int32_t dtype, rank;
  const int64_t *shape, *strides;
} ssm_tensor;
#endif

typedef enum {
  SSM_F16 = 1,
  SSM_BF16 = 2,
  SSM_F32 = 3,
  SSM_F64 = 4,
  SSM_C64 = 5,  /* two f32: real, imaginary */
  SSM_C128 = 6, /* two f64: real, imaginary */
  SSM_BOOL = 7, /* one byte: 0 or 1 */
  SSM_I8 = 8,
  SSM_I16 = 9,
  SSM_I32 = 10,
  SSM_I64 = 11
} ssm_dtype;

typedef enum {
  SSM_OK = 0,
  SSM_ERROR_NULL_DESCRIPTOR = 1,
  SSM_ERROR_DTYPE = 2,
  SSM_ERROR_RANK = 3,
  SSM_ERROR_NULL_SHAPE = 4,
  SSM_ERROR_SIZE = 5,
  SSM_ERROR_SIZE_MISMATCH = 6,
  SSM_ERROR_STRIDES = 7,
  SSM_ERROR_OVERFLOW = 8,
  SSM_ERROR_NULL_DATA = 9,
  SSM_ERROR_ALIGNMENT = 10,
  SSM_ERROR_OVERLAP = 11,
  SSM_ERROR_NULL_WORKSPACE = 12,
  SSM_ERROR_WORKSPACE_ALIGNMENT = 13,
  SSM_ERROR_ASSERTION = 14,
  SSM_ERROR_TILES = 15,
  SSM_STATUS_COUNT
} ssm_status;

/* A sentence about a status. Kernels also export this function as a weak
 * symbol, for callers that load them without a C compiler. */
static inline const char *ssm_status_string(int status) {
  switch (status) {
  case SSM_OK:
    return "ok";
  case SSM_ERROR_NULL_DESCRIPTOR:
    return "the array of inputs or of outputs is null";
  case SSM_ERROR_DTYPE:
    return "a tensor has another dtype than the signature states";
  case SSM_ERROR_RANK:
    return "a tensor has another rank than the signature states";
  case SSM_ERROR_NULL_SHAPE:
    return "a tensor of rank 1 or more has a null shape";
  case SSM_ERROR_SIZE:
    return "a size is negative or differs from the signature";
  case SSM_ERROR_SIZE_MISMATCH:
    return "two sizes that share a symbol in the signature differ";
  case SSM_ERROR_STRIDES:
    return "a tensor is not contiguous and row-major";
  case SSM_ERROR_OVERFLOW:
    return "the bytes of a tensor do not fit a signed 64-bit integer";
  case SSM_ERROR_NULL_DATA:
    return "a tensor with elements has null data";
  case SSM_ERROR_ALIGNMENT:
    return "the data of a tensor is not aligned to its element";
  case SSM_ERROR_OVERLAP:
    return "an output overlaps another tensor";
  case SSM_ERROR_NULL_WORKSPACE:
    return "the kernel needs a workspace and got null";
  case SSM_ERROR_WORKSPACE_ALIGNMENT:
    return "the workspace is not aligned to 64 bytes";
  case SSM_ERROR_ASSERTION:
    return "an assertion of the program does not hold for the values given";
  case SSM_ERROR_TILES:
    return "the system refuses the matrix unit (AMX) that the kernel was "
           "compiled for; compile for a target without it, or leave out "
           "matrix = bf16";
  default:
    return "unknown status";
  }
}

#ifdef __cplusplus
}
#endif

#endif /* SSM_C_RUNTIME_H */
