/*===- kernel_user.c - A C program that calls a compiled kernel -----------===*\
 *
 * Runs decay.mlir on four steps of three channels and prints the final state,
 * then shows that a wrong descriptor is an error and not a crash.
 *
\*===----------------------------------------------------------------------===*/
#include "decay.h"

#include <stdio.h>
#include <stdlib.h>

int main(void) {
  float a[3] = {0.0f, 0.5f, 1.0f};
  float u[4][3] = {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}};
  float states[4][3], last[3];
  int64_t channels[1] = {3}, matrix[2] = {4, 3}, wrong[2] = {4, 2};
  ssm_tensor ins[2] = {{a, SSM_F32, 1, channels, NULL},
                       {u, SSM_F32, 2, matrix, NULL}};
  ssm_tensor outs[2] = {{states, SSM_F32, 2, matrix, NULL},
                        {last, SSM_F32, 1, channels, NULL}};
  size_t bytes = (decay_workspace_bytes() + 63) / 64 * 64;
  void *workspace = bytes ? aligned_alloc(64, bytes) : NULL;

  int status = decay_run(ins, outs, workspace, NULL);
  printf("status %d, last %g %g %g\n", status, last[0], last[1], last[2]);
  ins[1].shape = wrong;
  status = decay_run(ins, outs, workspace, NULL);
  printf("wrong shape: %s\n", ssm_status_string(status));
  free(workspace);
  return 0;
}
