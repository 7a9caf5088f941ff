// A program for processors with AVX-512: on others it must say so before anything needs one of their instructions, also
// before the initialisers of its variables.
#include "flatsweep/base/instructions.hpp"

#include <immintrin.h>

#include <cstdio>

namespace {

[[gnu::constructor(101)]] void refuse_older_processor() {
  flatsweep::refuse_processor_without(flatsweep::compiled_for, flatsweep::instructions_here());
}

struct Early {
  Early() { _mm512_storeu_ps(numbers, _mm512_set1_ps(static_cast<float>(__builtin_ia32_rdtsc()))); }
  float numbers[16];
} early;

}  // namespace

int main() {
  std::printf("the processor has AVX-512, %g\n", static_cast<double>(early.numbers[7]));
  return 0;
}
