/*===- Compile.h - The compiler as a C library: text in, bytes out -*- C
-*-===*\
 *
 * For programs in any language that can call C: nothing of MLIR's interface is
 * in it, and it stays as it is when MLIR's changes. Link libssm-c, or open it.
 *
 *   ssm_options options = {sizeof(options)};
 *   options.entry = "layer";
 *   ssm_result *result = ssm_compile(text, strlen(text), &options);
 *   if (ssm_result_ok(result))
 *     write(ssm_result_code(result));
 *   else
 *     print(ssm_result_messages(result));
 *   ssm_result_free(result);
 *
 * Nothing is printed, no file is written, and a bad program never ends the
 * process: it is a result with messages. Any number of threads may call these
 * functions at the same time.
 *
\*===----------------------------------------------------------------------===*/
#ifndef SSM_C_COMPILE_H
#define SSM_C_COMPILE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a program becomes. */
typedef enum {
  SSM_EMIT_OBJECT = 0,   /* an object file of a CPU */
  SSM_EMIT_ASSEMBLY = 1, /* text: of a CPU, PTX of nvidia:*, or of amd:* */
  SSM_EMIT_LLVM = 2,     /* LLVM IR as text */
  SSM_EMIT_CUBIN = 3,    /* nvidia:* only; ptxas assembles it */
  SSM_EMIT_SPIRV = 4     /* opencl:spirv64 only */
} ssm_emit;

/* Zero is the default of every member but the first. */
typedef struct {
  size_t struct_size; /* sizeof(ssm_options): what the caller knows of it */
  /* "host" (also null), a CPU that LLVM knows such as "x86-64-v3", or a GPU:
   * "nvidia:sm_90", "amd:gfx942", "opencl:spirv64". */
  const char *target;
  const char *entry;    /* compile this function; null: all public ones */
  const char *strategy; /* forces a strategy; null: choose */
  const char *name;     /* stands for a file in messages; null: "program" */
  ssm_emit emit;
  unsigned threads; /* most threads of a loop; 0 and 1: without OpenMP */
  int prepare;      /* also f_prepare, of what depends on parameters alone */
} ssm_options;

/* Bytes that a result owns; a zero byte follows that `size` does not count. */
typedef struct {
  const char *data;
  size_t size;
} ssm_bytes;

typedef struct ssm_result ssm_result;
typedef struct ssm_library ssm_library;

/* Compiles the text of a program. The result, which is never null, is
 * the caller's to free. Null options are the default. */
ssm_result *ssm_compile(const char *text, size_t size,
                        const ssm_options *options);

/* Runs passes on the text of a program. `pipeline` is as in
 * ssm-opt --pass-pipeline, "builtin.module(ssm-lower-to-linalg,cse)", or its
 * inner part. The code of the result is the program after them. */
ssm_result *ssm_rewrite(const char *text, size_t size, const char *pipeline,
                        const char *name);

void ssm_result_free(ssm_result *result); /* null is allowed */

/* 1 if there is code. */
int ssm_result_ok(const ssm_result *result);
/* Why there is no code, as `name:line:col: error: ...`, one message a line. */
ssm_bytes ssm_result_messages(const ssm_result *result);
ssm_bytes ssm_result_code(const ssm_result *result);
/* A line for each recurrence: how it is computed, and why. CPUs only. */
ssm_bytes ssm_result_explanation(const ssm_result *result);
/* The C header that declares the kernels. CPUs only. */
ssm_bytes ssm_result_header(const ssm_result *result);
/* JSON: how to launch the kernels. GPUs only. */
ssm_bytes ssm_result_launches(const ssm_result *result);
/* The kernels of a CPU, and the JSON that K_signature of each returns; empty
 * beyond the last. */
size_t ssm_result_kernels(const ssm_result *result);
ssm_bytes ssm_result_signature(const ssm_result *result, size_t kernel);

/* Loads an object file for this machine, as a result's code, into the process.
 * Null if that fails, and then `*problem`, if it is not null, holds a result
 * with the messages, which the caller frees. `threads` as in the options. */
ssm_library *ssm_load(const char *object, size_t size, unsigned threads,
                      ssm_result **problem);
/* The address of a function, such as K_run of ssm-c/Runtime.h; null if there is
 * none. It is valid until the library is freed. */
void *ssm_library_function(const ssm_library *library, const char *name);
void ssm_library_free(ssm_library *library); /* null is allowed */

/* "host" as LLVM names it, and the version of this library, "0.1.0". */
const char *ssm_host_target(void);
const char *ssm_version(void);

#ifdef __cplusplus
}
#endif

#endif /* SSM_C_COMPILE_H */
