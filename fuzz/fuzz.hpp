#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

namespace flatsweep {

/// What holds for every input; a fuzzer keeps the input that breaks it.
inline void require(bool holds, const char* otherwise) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: %s\n", otherwise);
  std::abort();
}

/// A file in memory, for readers that take a path.
class InputFile {
 public:
  InputFile() : file_(memfd_create("fuzz", 0)) { require(file_ >= 0, "memfd_create failed"); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile() { close(file_); }

  void write(std::string_view bytes) {
    require(ftruncate(file_, 0) == 0, "ftruncate failed");
    require(pwrite(file_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()), "pwrite failed");
  }
  [[nodiscard]] std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

}  // namespace flatsweep
