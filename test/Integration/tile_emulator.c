/* What the instructions of AMX and AVX512-BF16 do, on memory, and a system that
 * grants their registers or does not. Of Intel's "Architecture Instruction Set
 * Extensions Programming Reference": sums of a tile are those of its even
 * products plus those of its odd ones, by FMAs in f32 that take subnormal
 * numbers for zero. */
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 16, BYTES = 64 };

typedef struct {
  char rows[ROWS][BYTES];
} tile;

int emulated_refusal = 0;
long emulated_requests = 0, emulated_products = 0;

/* Anything but a request for tiles is not emulated. */
long emulated_syscall(long number, ...) {
  va_list args;
  va_start(args, number);
  long code = va_arg(args, long), component = va_arg(args, long);
  va_end(args);
  if (number != 158 || code != 0x1023 || component != 18)
    abort();
  ++emulated_requests;
  return emulated_refusal ? -1 : 0;
}

static void check_shape(int16_t rows, int16_t bytes) {
  if (emulated_requests == 0 || emulated_refusal)
    abort(); /* an illegal instruction */
  if (rows < 1 || rows > ROWS || bytes < 4 || bytes > BYTES || bytes % 4)
    abort(); /* a configuration that the machine rejects */
}

void emulated_load(tile *to, int16_t rows, int16_t bytes, const char *from,
                   int64_t stride) {
  check_shape(rows, bytes);
  memset(to, 0, sizeof *to);
  for (int i = 0; i < rows; ++i)
    memcpy(to->rows[i], from + i * stride, bytes);
}

void emulated_store(int16_t rows, int16_t bytes, char *to, int64_t stride,
                    const tile *from) {
  check_shape(rows, bytes);
  for (int i = 0; i < rows; ++i)
    memcpy(to + i * stride, from->rows[i], bytes);
}

static float flushed(float x) {
  return fpclassify(x) == FP_SUBNORMAL ? copysignf(0, x) : x;
}

static float bf16(const char *row, int i) {
  uint16_t half;
  memcpy(&half, row + 2 * i, 2);
  uint32_t word = (uint32_t)half << 16;
  float x;
  memcpy(&x, &word, 4);
  return flushed(x);
}

/* C += A B of `rows` rows of A, pairs of B's columns, `depth` bytes of A's. */
void emulated_product(tile *result, int16_t rows, int16_t bytes, int16_t depth,
                      const tile *C, const tile *A, const tile *B) {
  check_shape(rows, bytes);
  check_shape(depth / 4, bytes);
  check_shape(rows, depth);
  tile out = *C;
  for (int m = 0; m < rows; ++m)
    for (int n = 0; n < bytes / 4; ++n) {
      float sums[2] = {0, 0}, c;
      for (int k = 0; k < depth / 4; ++k)
        for (int odd = 0; odd < 2; ++odd)
          sums[odd] = flushed(fmaf(bf16(A->rows[m], 2 * k + odd),
                                   bf16(B->rows[k], 2 * n + odd), sums[odd]));
      memcpy(&c, C->rows[m] + 4 * n, 4);
      c = flushed(flushed(c) + flushed(sums[0] + sums[1]));
      memcpy(out.rows[m] + 4 * n, &c, 4);
    }
  *result = out;
  __atomic_fetch_add(&emulated_products, 1, __ATOMIC_RELAXED);
}

/* Sixteen f32 to the nearest bf16, ties to even. */
void emulated_round(uint16_t *to, const float *from) {
  for (int i = 0; i < 16; ++i) {
    float x = flushed(from[i]);
    uint32_t word;
    memcpy(&word, &x, 4);
    if (isnan(x))
      to[i] = (word >> 16) | 0x40;
    else
      to[i] = (word + 0x7fff + (word >> 16 & 1)) >> 16;
  }
}
