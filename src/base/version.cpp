#include "flatsweep/base/version.hpp"

#include <fstream>

namespace flatsweep {

std::string version() { return FLATSWEEP_VERSION; }
// The program's own definition, src/app/git_commit.cpp, takes the place of this one: a new commit relinks nothing else.
[[gnu::weak]] std::string git_commit() { return "unknown"; }
std::string build_type() { return FLATSWEEP_BUILD_TYPE; }
std::string build_options() { return FLATSWEEP_BUILD_OPTIONS; }

std::string compiler() {
#ifdef __clang__
  return "Clang " __clang_version__;
#else
  return "GCC " __VERSION__;
#endif
}

std::string processor() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown processor";
}

}  // namespace flatsweep
