/* Runs a kernel whose threads need scratch, and looks behind the workspace.
 * Built and run by threads.mlir. */
#include "threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 8, COLUMNS = 8192, GUARD = 1 << 20 };

static float x[ROWS][COLUMNS][2], y[ROWS][COLUMNS][2];

static int countWrong(void) {
  int wrong = 0;
  for (int i = 0; i < ROWS; ++i)
    for (int j = 0; j < COLUMNS; ++j)
      for (int part = 0; part < 2; ++part)
        wrong += y[i][j][part] != 2 * x[i][COLUMNS - 1 - j][part];
  return wrong;
}

int main(void) {
  size_t bytes = reverse_workspace_bytes();
  char *workspace = aligned_alloc(64, bytes + GUARD);
  memset(workspace + bytes, 0x5a, GUARD);
  for (int i = 0; i < ROWS * COLUMNS * 2; ++i)
    (&x[0][0][0])[i] = (float)i;
  int64_t shape[2] = {ROWS, COLUMNS};
  ssm_tensor in = {x, SSM_C64, 2, shape, NULL};
  ssm_tensor out = {y, SSM_C64, 2, shape, NULL};
  int status = SSM_OK, wrong = 0, behind = 0;
  for (int repeat = 0; repeat < 20 && status == SSM_OK; ++repeat) {
    memset(y, 0, sizeof y);
    status = reverse_run(&in, &out, workspace, NULL);
    wrong += countWrong();
  }
  for (int i = 0; i < GUARD; ++i)
    behind += workspace[bytes + i] != 0x5a;
  printf("status: %s\nworkspace: %zu\nwrong elements: %d\n"
         "bytes written behind the workspace: %d\n",
         ssm_status_string(status), bytes, wrong, behind);
  free(workspace);
  return status != SSM_OK || wrong || behind;
}
