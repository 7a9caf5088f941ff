#include "flatsweep/data/cifar.hpp"

#include "damaged.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <system_error>

namespace flatsweep {

namespace {

constexpr auto features = static_cast<std::size_t>(cifar_shape.features());
using Record = std::array<std::byte, 1 + features>;

// False at the end of the file.
bool read_record(std::ifstream& in, Record& record, const std::filesystem::path& file) {
  in.read(reinterpret_cast<char*>(record.data()), record.size());
  if (in.bad()) damaged(file, "the file cannot be read");
  const auto got = static_cast<std::size_t>(in.gcount());
  if (got != 0 && got != record.size()) damaged(file, "the file ends within a record");
  return got != 0;
}

void check_label(std::byte label, std::int64_t number, const std::filesystem::path& file) {
  const auto value = std::to_integer<int>(label);
  if (value >= cifar_classes)
    damaged(file,
            fmt::format("label {} of record {} is out of range, expected 0 to {}", value, number, cifar_classes - 1));
}

}  // namespace

std::int64_t count_cifar_images(const std::filesystem::path& file) {
  std::error_code failure;
  const auto size = std::filesystem::file_size(file, failure);
  if (failure) damaged(file, fmt::format("the file cannot be read: {}", failure.message()));
  if (size == 0) damaged(file, "the file is empty");
  if (size % sizeof(Record) != 0)
    damaged(file, fmt::format("{} bytes are not a whole number of records of {} bytes", size, sizeof(Record)));
  return static_cast<std::int64_t>(size / sizeof(Record));
}

void read_cifar_images(std::span<const std::filesystem::path> files, std::span<std::byte> pixels,
                       std::span<std::byte> labels) {
  std::size_t kept = 0;
  Record record;
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    if (!in) damaged(file, "the file cannot be opened");
    for (std::int64_t number = 1; read_record(in, record, file); ++number) {
      check_label(record[0], number, file);
      if (kept == labels.size()) continue;
      labels[kept] = record[0];
      std::copy(record.begin() + 1, record.end(), pixels.subspan(kept++ * features).begin());
    }
  }
  if (kept < labels.size()) damaged(files.back(), "the file changed while it was read");
}

}  // namespace flatsweep
