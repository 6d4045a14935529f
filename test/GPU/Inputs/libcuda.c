/* The functions of the CUDA driver that we call, in the host's memory. A launch
 * prints its geometry, and with COPY in the environment, for a kernel of three
 * arrays, a length and a workspace, those too, and copies the first array to
 * the third. The function that FAIL names returns CODE, or 2, out of memory. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t sizes[64];
static void *blocks[64];
static int live;

static int result(const char *name) {
  const char *fail = getenv("FAIL");
  const char *code = getenv("CODE");
  return fail && strcmp(fail, name) == 0 ? atoi(code ? code : "2") : 0;
}

#define SUCCEED(name, ...)                                                     \
  int name(__VA_ARGS__) { return result(#name); }
SUCCEED(cuInit, unsigned flags)
SUCCEED(cuDeviceGet, int *device, int number)
SUCCEED(cuDevicePrimaryCtxRetain, void **context, int device)
SUCCEED(cuCtxSetCurrent, void *context)
SUCCEED(cuCtxSynchronize, void)
SUCCEED(cuModuleUnload, void *module)
SUCCEED(cuModuleGetFunction, void **function, void *module, const char *name)
SUCCEED(cuEventCreate, void **event, unsigned flags)
SUCCEED(cuEventDestroy_v2, void *event)
SUCCEED(cuEventRecord, void *event, void *stream)
SUCCEED(cuEventSynchronize, void *event)

int cuDevicePrimaryCtxRelease_v2(int device) {
  fprintf(stderr, "%d buffers are left\n", live);
  return 0;
}

int cuModuleLoadData(void **module, const void *code) {
  *module = &live;
  fprintf(stderr, "%s\n", strstr(code, ".target"));
  return result("cuModuleLoadData");
}

int cuMemAlloc_v2(uint64_t *address, size_t bytes) {
  if (result("cuMemAlloc_v2"))
    return 2;
  int i = 0;
  while (blocks[i])
    ++i;
  blocks[i] = malloc(bytes);
  sizes[i] = bytes;
  memset(blocks[i], 0xff, bytes);
  *address = (uint64_t)blocks[i];
  ++live;
  return 0;
}

static int find(uint64_t address) {
  for (int i = 0; i < 64; ++i)
    if (blocks[i] == (void *)address)
      return i;
  return -1;
}

int cuMemFree_v2(uint64_t address) {
  blocks[find(address)] = NULL;
  free((void *)address);
  --live;
  return 0;
}

int cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t bytes) {
  memcpy((void *)to, from, bytes);
  return result("cuMemcpyHtoD_v2");
}

int cuMemcpyDtoH_v2(void *to, uint64_t from, size_t bytes) {
  memcpy(to, (void *)from, bytes);
  return result("cuMemcpyDtoH_v2");
}

int cuMemsetD8_v2(uint64_t to, unsigned char value, size_t bytes) {
  memset((void *)to, value, bytes);
  return result("cuMemsetD8_v2");
}

int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes,
                         void *stream) {
  memcpy((void *)to, (void *)from, bytes);
  return result("cuMemcpyDtoDAsync_v2");
}

int cuDeviceGetName(char *name, int length, int device) {
  strncpy(name, "no device", length);
  return 0;
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
  *value = attribute;
  return 0;
}

int cuFuncSetAttribute(void *function, int attribute, int value) {
  fprintf(stderr, "%s %d\n", attribute == 8 ? "bytes" : "attribute", value);
  return result("cuFuncSetAttribute");
}

int cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz,
                   unsigned bx, unsigned by, unsigned bz, unsigned shared,
                   void *stream, void **arguments, void **extra) {
  fprintf(stderr, "grid %ux%ux%u block %ux%ux%u", gx, gy, gz, bx, by, bz);
  if (shared)
    fprintf(stderr, " shared %u", shared);
  fprintf(stderr, "\n");
  if (!getenv("COPY"))
    return result("cuLaunchKernel");
  uint64_t first = *(uint64_t *)arguments[0], third = *(uint64_t *)arguments[2];
  uint64_t length = *(uint64_t *)arguments[3];
  int workspace = find(*(uint64_t *)arguments[4]);
  fprintf(stderr, "length %d workspace %d %s\n", (int)length,
          (int)sizes[workspace],
          memchr(blocks[workspace], 0xff, sizes[workspace]) ? "dirty" : "zero");
  memset(blocks[workspace], 0xff, sizes[workspace]);
  memcpy((void *)third, (void *)first, sizes[find(third)]);
  return result("cuLaunchKernel");
}

int cuEventElapsedTime(float *milliseconds, void *from, void *to) {
  *milliseconds = 2.5f;
  return result("cuEventElapsedTime");
}

int cuGetErrorString(int code, const char **text) {
  *text = "out of memory";
  return 0;
}
