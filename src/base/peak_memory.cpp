#include "flatsweep/base/peak_memory.hpp"

#include <sys/resource.h>

#include <fstream>
#include <string>

namespace flatsweep {

namespace {
constexpr double kibibyte = 1024.0;
}

double peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string name; status >> name;) {
    double value = 0.0;
    if (name == "VmHWM:" && status >> value) return value * kibibyte;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * kibibyte;
}

}  // namespace flatsweep
