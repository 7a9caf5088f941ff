#include "flatsweep/base/instructions.hpp"

#include "flatsweep/base/error.hpp"

#include <gtest/gtest.h>

#include <string>

namespace flatsweep::instructions_test {
namespace {

using Set = InstructionSet;

[[maybe_unused]] void expect_as_the_compiler_finds(Set set, bool found) {
  EXPECT_EQ((instructions_here() & bit_of(set)) != 0, found) << static_cast<unsigned>(set);
}

#if defined(__x86_64__)
TEST(Instructions, OfThisProcessorAreThoseThatTheCompilersLibraryFinds) {
  __builtin_cpu_init();
  expect_as_the_compiler_finds(Set::sse3, __builtin_cpu_supports("sse3") != 0);
  expect_as_the_compiler_finds(Set::ssse3, __builtin_cpu_supports("ssse3") != 0);
  expect_as_the_compiler_finds(Set::sse4_1, __builtin_cpu_supports("sse4.1") != 0);
  expect_as_the_compiler_finds(Set::sse4_2, __builtin_cpu_supports("sse4.2") != 0);
  expect_as_the_compiler_finds(Set::popcnt, __builtin_cpu_supports("popcnt") != 0);
  expect_as_the_compiler_finds(Set::avx, __builtin_cpu_supports("avx") != 0);
  expect_as_the_compiler_finds(Set::fma, __builtin_cpu_supports("fma") != 0);
  expect_as_the_compiler_finds(Set::fma4, __builtin_cpu_supports("fma4") != 0);
  expect_as_the_compiler_finds(Set::xop, __builtin_cpu_supports("xop") != 0);
  expect_as_the_compiler_finds(Set::avx2, __builtin_cpu_supports("avx2") != 0);
  expect_as_the_compiler_finds(Set::bmi, __builtin_cpu_supports("bmi") != 0);
  expect_as_the_compiler_finds(Set::bmi2, __builtin_cpu_supports("bmi2") != 0);
  expect_as_the_compiler_finds(Set::gfni, __builtin_cpu_supports("gfni") != 0);
  expect_as_the_compiler_finds(Set::avx512f, __builtin_cpu_supports("avx512f") != 0);
  expect_as_the_compiler_finds(Set::avx512cd, __builtin_cpu_supports("avx512cd") != 0);
  expect_as_the_compiler_finds(Set::avx512bw, __builtin_cpu_supports("avx512bw") != 0);
  expect_as_the_compiler_finds(Set::avx512dq, __builtin_cpu_supports("avx512dq") != 0);
  expect_as_the_compiler_finds(Set::avx512vl, __builtin_cpu_supports("avx512vl") != 0);
  expect_as_the_compiler_finds(Set::avx512ifma, __builtin_cpu_supports("avx512ifma") != 0);
  expect_as_the_compiler_finds(Set::avx512vbmi, __builtin_cpu_supports("avx512vbmi") != 0);
  expect_as_the_compiler_finds(Set::avx512vbmi2, __builtin_cpu_supports("avx512vbmi2") != 0);
  expect_as_the_compiler_finds(Set::avx512vnni, __builtin_cpu_supports("avx512vnni") != 0);
  expect_as_the_compiler_finds(Set::avx512bitalg, __builtin_cpu_supports("avx512bitalg") != 0);
  expect_as_the_compiler_finds(Set::avx512vpopcntdq, __builtin_cpu_supports("avx512vpopcntdq") != 0);
}
#endif

// This test runs, so nothing is missing.
TEST(Instructions, ThatThisFileIsCompiledForAreHere) {
  EXPECT_EQ(compiled_for & ~instructions_here(), 0U);
  refuse_processor_without(compiled_for, instructions_here());
}

// A build for AVX-512 on a processor of 2014.
TEST(Instructions, ThatAreMissingEndTheProgramWithWhatItWasBuiltFor) {
  const auto older = bit_of(Set::sse3) | bit_of(Set::avx2) | bit_of(Set::fma);
  const auto newer = older | bit_of(Set::avx512f) | bit_of(Set::avx512vl);
  EXPECT_EXIT(refuse_processor_without(newer, older), testing::ExitedWithCode(exit_code(ErrorKind::parallel)),
              "^flatsweep: this program was built for another processor \\(-march=.*, with sse3, fma, avx2, avx512f, "
              "avx512vl\\), and this one lacks avx512f, avx512vl; build it on this machine, or .* --preset cluster\n$");
}

TEST(Instructions, ThatAreMissingAreNamedHoweverManyThereAre) {
  constexpr auto all = (InstructionSets{1} << static_cast<unsigned>(Set::count)) - 1;
  EXPECT_EXIT(refuse_processor_without(all, 0), testing::ExitedWithCode(exit_code(ErrorKind::parallel)),
              "lacks sse3, .*, avx512vpopcntdq; build it");
}

}  // namespace
}  // namespace flatsweep::instructions_test
