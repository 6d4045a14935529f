/*===- triad.c - What memory allows: two arrays read, one written ---------===*/
#include <stddef.h>

#define VECTOR 16
typedef float Vector __attribute__((vector_size(VECTOR * 4)));

/* All arrays are aligned to 64 bytes and n is a multiple of VECTOR. */
void triad(const float *a, const float *b, float *c, size_t n) {
  for (size_t i = 0; i < n; i += VECTOR)
    *(Vector *)(c + i) = *(const Vector *)(a + i) * *(const Vector *)(b + i);
}

/* The same past the caches, which saves reading what is overwritten. */
void triad_streaming(const float *a, const float *b, float *c, size_t n) {
  for (size_t i = 0; i < n; i += VECTOR)
    __builtin_nontemporal_store(
        *(const Vector *)(a + i) * *(const Vector *)(b + i), (Vector *)(c + i));
}
