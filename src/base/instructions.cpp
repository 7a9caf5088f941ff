// Compiled for plain x86-64 whatever -march says (src/CMakeLists.txt). No inline function of the library is used: the
// linker might take another file's copy of it.
#include "flatsweep/base/instructions.hpp"

#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace flatsweep {

namespace {

constexpr int bad_environment = 71;  // as exit_code(ErrorKind::parallel)

enum Register { eax, ebx, ecx, edx };
enum Registers { general, vectors_of_256, vectors_of_512 };  // that must survive a switch of tasks

/// Where CPUID says that a set is there: Intel's manual, volume 2A, CPUID; AMD's, volume 3, appendix E.
struct Place {
  const char* name;
  unsigned leaf, subleaf;
  Register where;
  unsigned bit;
  Registers uses;
};
constexpr Place places[] = {{"sse3", 1, 0, ecx, 0, general},
                            {"ssse3", 1, 0, ecx, 9, general},
                            {"sse4.1", 1, 0, ecx, 19, general},
                            {"sse4.2", 1, 0, ecx, 20, general},
                            {"popcnt", 1, 0, ecx, 23, general},
                            {"movbe", 1, 0, ecx, 22, general},
                            {"avx", 1, 0, ecx, 28, vectors_of_256},
                            {"f16c", 1, 0, ecx, 29, vectors_of_256},
                            {"fma", 1, 0, ecx, 12, vectors_of_256},
                            {"avx2", 7, 0, ebx, 5, vectors_of_256},
                            {"bmi", 7, 0, ebx, 3, general},
                            {"bmi2", 7, 0, ebx, 8, general},
                            {"lzcnt", 0x80000001, 0, ecx, 5, general},
                            {"fma4", 0x80000001, 0, ecx, 16, vectors_of_256},
                            {"xop", 0x80000001, 0, ecx, 11, vectors_of_256},
                            {"tbm", 0x80000001, 0, ecx, 21, general},
                            {"gfni", 7, 0, ecx, 8, general},
                            {"avxvnni", 7, 1, eax, 4, vectors_of_256},
                            {"avx512f", 7, 0, ebx, 16, vectors_of_512},
                            {"avx512cd", 7, 0, ebx, 28, vectors_of_512},
                            {"avx512bw", 7, 0, ebx, 30, vectors_of_512},
                            {"avx512dq", 7, 0, ebx, 17, vectors_of_512},
                            {"avx512vl", 7, 0, ebx, 31, vectors_of_512},
                            {"avx512ifma", 7, 0, ebx, 21, vectors_of_512},
                            {"avx512vbmi", 7, 0, ecx, 1, vectors_of_512},
                            {"avx512vbmi2", 7, 0, ecx, 6, vectors_of_512},
                            {"avx512vnni", 7, 0, ecx, 11, vectors_of_512},
                            {"avx512bitalg", 7, 0, ecx, 12, vectors_of_512},
                            {"avx512vpopcntdq", 7, 0, ecx, 14, vectors_of_512}};
constexpr unsigned count = sizeof places / sizeof places[0];
static_assert(count == static_cast<unsigned>(InstructionSet::count));

#if defined(__x86_64__)
/// The registers that the operating system saves, by XGETBV.
Registers registers_saved() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned has_xgetbv = 1U << 27U;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & has_xgetbv) == 0) return general;
  unsigned low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  if ((low & 0xe6U) == 0xe6U) return vectors_of_512;
  return (low & 0x6U) == 0x6U ? vectors_of_256 : general;
}

bool is_here(const Place& place, Registers saved) {
  unsigned values[4] = {0, 0, 0, 0};
  if (place.uses > saved) return false;
  if (__get_cpuid_count(place.leaf, place.subleaf, &values[eax], &values[ebx], &values[ecx], &values[edx]) == 0)
    return false;
  return (values[place.where] >> place.bit & 1U) != 0;
}
#endif

/// A line on stderr, put together without the library.
class Line {
 public:
  void add(const char* text) {
    for (; *text != '\0' && length_ < sizeof text_; ++text) text_[length_++] = *text;
  }
  /// The names of some sets, with commas.
  void add(InstructionSets sets) {
    const char* between = "";
    for (unsigned i = 0; i < count; ++i) {
      if ((sets >> i & 1U) == 0) continue;
      add(between);
      add(places[i].name);
      between = ", ";
    }
  }
  void print() const {
    for (unsigned long done = 0; done < length_;) {
      const auto written = write(STDERR_FILENO, text_ + done, length_ - done);
      if (written <= 0) return;
      done += static_cast<unsigned long>(written);
    }
  }

 private:
  char text_[2048];
  unsigned long length_ = 0;
};

}  // namespace

InstructionSets instructions_here() {
  InstructionSets found = 0;
#if defined(__x86_64__)
  const Registers saved = registers_saved();
  for (unsigned i = 0; i < count; ++i)
    if (is_here(places[i], saved)) found |= InstructionSets{1} << i;
#endif
  return found;
}

void refuse_processor_without(InstructionSets wanted, InstructionSets here) {
  const InstructionSets missing = wanted & ~here;
  if (missing == 0) return;
  Line line;
  line.add("flatsweep: this program was built for another processor (-march=" FLATSWEEP_ARCH ", with ");
  line.add(wanted);
  line.add("), and this one lacks ");
  line.add(missing);
  line.add("; build it on this machine, or for all x86-64 processors since 2013: cmake --preset cluster\n");
  line.print();
  _exit(bad_environment);
}

}  // namespace flatsweep
