/* Calls a kernel as a C program would, and hands it every kind of descriptor
 * that it must refuse. Built and run by kernel.mlir. */
#include "kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A correct call of axpy: y[2, 3] = a * x + b, with scratch. */
typedef struct {
  float a, x[6], y[7];
  double b[3];
  int64_t xShape[2], bShape[1], yShape[2], strides[2];
  ssm_tensor ins[3], outs[1];
  void *workspace;
} Call;

static Call makeCall(void *workspace) {
  Call call = {.a = 2, .x = {0, 1, 2, 3, 4, 5}, .b = {10, 20, 30}};
  call.xShape[0] = call.yShape[0] = 2;
  call.xShape[1] = call.yShape[1] = call.bShape[0] = 3;
  call.strides[0] = 3;
  call.strides[1] = 1;
  call.workspace = workspace;
  for (int i = 0; i < 7; ++i)
    call.y[i] = -1;
  return call;
}

/* Points the descriptors at the call, which has moved since it was made. */
static void describe(Call *c) {
  c->ins[0] = (ssm_tensor){&c->a, SSM_F32, 0, NULL, NULL};
  c->ins[1] = (ssm_tensor){c->x, SSM_F32, 2, c->xShape, c->strides};
  c->ins[2] = (ssm_tensor){c->b, SSM_F64, 1, c->bShape, NULL};
  c->outs[0] = (ssm_tensor){c->y, SSM_F32, 2, c->yShape, NULL};
}

static int failures = 0;

static void expect(const char *what, int status, int want, const Call *call) {
  int touched = 0;
  for (int i = 0; i < 6; ++i)
    touched |= call->y[i] != -1;
  if (status == want && !(want != SSM_OK && touched))
    return;
  ++failures;
  printf("%s: status %d (%s), expected %d (%s)%s\n", what, status,
         ssm_status_string(status), want, ssm_status_string(want),
         touched ? ", output touched" : "");
}

#define CASE(want, change)                                                     \
  do {                                                                         \
    Call call = makeCall(workspace), *c = &call;                               \
    describe(c);                                                               \
    change;                                                                    \
    expect(#change, axpy_run(c->ins, c->outs, c->workspace, NULL), want, c);   \
  } while (0)

static void testRefusals(char *workspace) {
  CASE(SSM_OK, (void)c);
  CASE(SSM_ERROR_DTYPE, c->ins[1].dtype = SSM_F64);
  CASE(SSM_ERROR_DTYPE, c->outs[0].dtype = 99);
  CASE(SSM_ERROR_RANK, c->ins[1].rank = 1);
  CASE(SSM_ERROR_RANK, c->ins[1].rank = -1);
  CASE(SSM_ERROR_RANK, c->ins[0].rank = 1);
  CASE(SSM_ERROR_NULL_SHAPE, c->ins[2].shape = NULL);
  CASE(SSM_ERROR_SIZE, c->bShape[0] = 4);
  CASE(SSM_ERROR_SIZE, c->xShape[0] = -2);
  CASE(SSM_ERROR_SIZE_MISMATCH, c->yShape[0] = 3);
  CASE(SSM_ERROR_STRIDES, c->strides[1] = 2);
  CASE(SSM_ERROR_STRIDES, c->strides[0] = 4);
  CASE(SSM_ERROR_OVERFLOW,
       (c->xShape[0] = INT64_MAX, c->strides[0] = 3, c->yShape[0] = INT64_MAX));
  CASE(SSM_ERROR_OVERFLOW, c->xShape[0] = c->yShape[0] = INT64_MAX / 8);
  CASE(SSM_ERROR_NULL_DATA, c->ins[1].data = NULL);
  CASE(SSM_ERROR_ALIGNMENT, c->outs[0].data = (char *)c->y + 2);
  CASE(SSM_ERROR_ALIGNMENT, c->ins[2].data = (char *)c->b + 4);
  CASE(SSM_ERROR_OVERLAP, c->outs[0].data = c->x);
  CASE(SSM_ERROR_OVERLAP, c->ins[0].data = &c->y[5]);
  CASE(SSM_OK, c->ins[0].data = &c->y[6]);
  CASE(SSM_ERROR_NULL_WORKSPACE, c->workspace = NULL);
  CASE(SSM_ERROR_WORKSPACE_ALIGNMENT, c->workspace = workspace + 8);
  /* Strides of dimensions of size 1 do not matter. */
  CASE(SSM_OK, (c->xShape[0] = c->yShape[0] = 1, c->strides[0] = 77));
  /* No elements: neither data nor strides matter. */
  CASE(SSM_OK, (c->xShape[0] = c->yShape[0] = 0, c->strides[1] = 7,
                c->ins[1].data = c->outs[0].data = NULL));
}

static void testNullArrays(char *workspace) {
  Call call = makeCall(workspace);
  describe(&call);
  expect("null inputs", axpy_run(NULL, call.outs, workspace, NULL),
         SSM_ERROR_NULL_DESCRIPTOR, &call);
  expect("null outputs", axpy_run(call.ins, NULL, workspace, NULL),
         SSM_ERROR_NULL_DESCRIPTOR, &call);
}

int main(void) {
  char *workspace = aligned_alloc(64, axpy_workspace_bytes() + 64);
  Call call = makeCall(workspace);
  describe(&call);
  printf("status: %s\n",
         ssm_status_string(axpy_run(call.ins, call.outs, workspace, NULL)));
  printf("y:");
  for (int i = 0; i < 6; ++i)
    printf(" %g", call.y[i]);
  printf("\nworkspace: %zu\nsignature: %s\n", axpy_workspace_bytes(),
         axpy_signature());
  testRefusals(workspace);
  testNullArrays(workspace);
  printf("failures: %d\n", failures);
  free(workspace);
  return failures != 0;
}
