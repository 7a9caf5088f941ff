#pragma once

#include "io/scratch.hpp"

#include <array>
#include <filesystem>
#include <string>

namespace flatsweep {

/// A record of CIFAR-10's binary form, written by hand from its definition: label, then planes of one colour each.
inline std::string cifar_record(int label, int red, int green, int blue) {
  std::string record(1, static_cast<char>(label));
  for (const int value : {red, green, blue}) record.append(1024, static_cast<char>(value));
  return record;
}

/// The six files of a small set: the k-th image, counted from 0 through all files, is (10 k + 1, 10 k + 2, 10 k + 3)
/// everywhere. A test damages one of them before it is written.
struct CifarSet {
  std::array<std::string, 5> batches = {cifar_record(3, 1, 2, 3) + cifar_record(0, 11, 12, 13),
                                        cifar_record(9, 21, 22, 23), cifar_record(1, 31, 32, 33),
                                        cifar_record(2, 41, 42, 43), cifar_record(4, 51, 52, 53)};
  std::string test = cifar_record(1, 61, 62, 63) + cifar_record(2, 71, 72, 73);

  static std::string batch_name(std::size_t i) { return "data_batch_" + std::to_string(i + 1) + ".bin"; }
  void write(const std::filesystem::path& folder) const {
    std::filesystem::create_directories(folder);
    for (std::size_t i = 0; i < batches.size(); ++i) spill(folder / batch_name(i), batches[i]);
    spill(folder / "test_batch.bin", test);
  }
};

}  // namespace flatsweep
