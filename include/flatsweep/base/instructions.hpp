#pragma once

#include <cstdint>

// A program built with -march=native dies of SIGILL, without a word, on a processor that lacks one of its instructions.
namespace flatsweep {

/// Instruction sets that a compiler uses unasked where -march allows it, in the order of their bits.
enum class InstructionSet : unsigned {
  sse3,
  ssse3,
  sse4_1,
  sse4_2,
  popcnt,
  movbe,
  avx,
  f16c,
  fma,
  avx2,
  bmi,
  bmi2,
  lzcnt,
  fma4,
  xop,
  tbm,
  gfni,
  avxvnni,
  avx512f,
  avx512cd,
  avx512bw,
  avx512dq,
  avx512vl,
  avx512ifma,
  avx512vbmi,
  avx512vbmi2,
  avx512vnni,
  avx512bitalg,
  avx512vpopcntdq,
  count
};
/// A bit for each.
using InstructionSets = std::uint64_t;
[[nodiscard]] constexpr InstructionSets bit_of(InstructionSet set) {
  return InstructionSets{1} << static_cast<unsigned>(set);
}

// Of internal linkage: files of one program may be compiled for different processors.
/// What the file that includes this one is compiled for.
constexpr InstructionSets compiled_for = 0
#ifdef __SSE3__
                                         | bit_of(InstructionSet::sse3)
#endif
#ifdef __SSSE3__
                                         | bit_of(InstructionSet::ssse3)
#endif
#ifdef __SSE4_1__
                                         | bit_of(InstructionSet::sse4_1)
#endif
#ifdef __SSE4_2__
                                         | bit_of(InstructionSet::sse4_2)
#endif
#ifdef __POPCNT__
                                         | bit_of(InstructionSet::popcnt)
#endif
#ifdef __MOVBE__
                                         | bit_of(InstructionSet::movbe)
#endif
#ifdef __AVX__
                                         | bit_of(InstructionSet::avx)
#endif
#ifdef __F16C__
                                         | bit_of(InstructionSet::f16c)
#endif
#ifdef __FMA__
                                         | bit_of(InstructionSet::fma)
#endif
#ifdef __AVX2__
                                         | bit_of(InstructionSet::avx2)
#endif
#ifdef __BMI__
                                         | bit_of(InstructionSet::bmi)
#endif
#ifdef __BMI2__
                                         | bit_of(InstructionSet::bmi2)
#endif
#ifdef __LZCNT__
                                         | bit_of(InstructionSet::lzcnt)
#endif
#ifdef __FMA4__
                                         | bit_of(InstructionSet::fma4)
#endif
#ifdef __XOP__
                                         | bit_of(InstructionSet::xop)
#endif
#ifdef __TBM__
                                         | bit_of(InstructionSet::tbm)
#endif
#ifdef __GFNI__
                                         | bit_of(InstructionSet::gfni)
#endif
#ifdef __AVXVNNI__
                                         | bit_of(InstructionSet::avxvnni)
#endif
#ifdef __AVX512F__
                                         | bit_of(InstructionSet::avx512f)
#endif
#ifdef __AVX512CD__
                                         | bit_of(InstructionSet::avx512cd)
#endif
#ifdef __AVX512BW__
                                         | bit_of(InstructionSet::avx512bw)
#endif
#ifdef __AVX512DQ__
                                         | bit_of(InstructionSet::avx512dq)
#endif
#ifdef __AVX512VL__
                                         | bit_of(InstructionSet::avx512vl)
#endif
#ifdef __AVX512IFMA__
                                         | bit_of(InstructionSet::avx512ifma)
#endif
#ifdef __AVX512VBMI__
                                         | bit_of(InstructionSet::avx512vbmi)
#endif
#ifdef __AVX512VBMI2__
                                         | bit_of(InstructionSet::avx512vbmi2)
#endif
#ifdef __AVX512VNNI__
                                         | bit_of(InstructionSet::avx512vnni)
#endif
#ifdef __AVX512BITALG__
                                         | bit_of(InstructionSet::avx512bitalg)
#endif
#ifdef __AVX512VPOPCNTDQ__
                                         | bit_of(InstructionSet::avx512vpopcntdq)
#endif
    ;

/// What this processor has and its operating system keeps the registers of.
[[nodiscard]] InstructionSets instructions_here();

/// Ends the program with the exit code of a bad environment, and says what it was built for and what to do, unless
/// everything in `wanted` is among `here`. Uses no instruction beyond x86-64, takes no memory, and may be called before
/// anything is initialised.
void refuse_processor_without(InstructionSets wanted, InstructionSets here);

}  // namespace flatsweep
