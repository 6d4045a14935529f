/*===- compiler_user.c - A C program that has the compiler in it ----------===*\
 *
 * Compiles a recurrence from text, loads it into this process and runs four
 * steps; then shows that a bad program is a message and not an end.
 *
\*===----------------------------------------------------------------------===*/
#include "ssm-c/Compile.h"
#include "ssm-c/Runtime.h"

#include <stdio.h>
#include <string.h>

static const char *const kProgram =
    "#d = affine_map<(t, d) -> (d)>\n"
    "#td = affine_map<(t, d) -> (t, d)>\n"
    "func.func @decay(%a: tensor<3xf32>, %u: tensor<?x3xf32>)\n"
    "    -> tensor<?x3xf32> {\n"
    "  %x, %last = ssm.linear_recurrence transition(%a : tensor<3xf32>)\n"
    "      signal(%u : tensor<?x3xf32>)\n"
    "      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64}\n"
    "      -> tensor<?x3xf32>, tensor<3xf32>\n"
    "  return %x : tensor<?x3xf32>\n"
    "}\n";

typedef int (*run_fn)(const ssm_tensor *, const ssm_tensor *, void *, void *);

static int run(run_fn decay) {
  float a[3] = {0.0f, 0.5f, 1.0f}, states[4][3];
  float u[4][3] = {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}};
  int64_t channels[1] = {3}, matrix[2] = {4, 3};
  ssm_tensor ins[2] = {{a, SSM_F32, 1, channels, NULL},
                       {u, SSM_F32, 2, matrix, NULL}};
  ssm_tensor out = {states, SSM_F32, 2, matrix, NULL};
  int status = decay(ins, &out, NULL, NULL);
  printf("status %d, last %g %g %g\n", status, states[3][0], states[3][1],
         states[3][2]);
  return status;
}

int main(void) {
  ssm_options options = {sizeof(options)};
  options.entry = "decay";
  options.strategy = "sequential";
  ssm_result *result = ssm_compile(kProgram, strlen(kProgram), &options);
  if (!ssm_result_ok(result)) {
    fputs(ssm_result_messages(result).data, stderr);
    return 1;
  }
  ssm_bytes code = ssm_result_code(result);
  ssm_library *library = ssm_load(code.data, code.size, 1, NULL);
  ssm_result_free(result);
  void *address = library ? ssm_library_function(library, "decay_run") : NULL;
  if (!address)
    return 1;
  run_fn decay;
  memcpy(&decay, &address, sizeof(decay)); /* C has no cast between the two */
  int status = run(decay);
  ssm_library_free(library);

  result = ssm_compile("func.func @f(", 13, NULL);
  fputs(ssm_result_messages(result).data, stdout);
  ssm_result_free(result);
  return status;
}
