#include "flatsweep/data/cifar.hpp"

#include "data_file.hpp"
#include "flatsweep/base/handle.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <vector>

namespace flatsweep {

namespace {

constexpr std::size_t features = cifar_shape.features();
/// Labels, the last of which counts, and pixels.
using Record = std::vector<std::byte>;

std::size_t labels_of(Cifar set) { return set == Cifar::ten ? 1 : 2; }

struct StreamTraits {
  static std::FILE* empty() { return nullptr; }
  static void destroy(std::FILE*& file) noexcept { std::fclose(file); }
};
using Stream = Handle<std::FILE*, StreamTraits>;

Stream open_cifar(const std::filesystem::path& file) {
  Stream in(fdopen(dup(open_data_file(file).get()), "rb"));
  if (!in) damaged(file, "the file cannot be opened");
  return in;
}

// False at the end of the file.
bool read_record(std::FILE* in, Record& record, const std::filesystem::path& file) {
  const auto got = std::fread(record.data(), 1, record.size(), in);
  if (std::ferror(in) != 0) damaged(file, "the file cannot be read");
  if (got != 0 && got != record.size()) damaged(file, "the file ends within a record");
  return got != 0;
}

void check_label(Cifar set, std::byte label, std::int64_t number, const std::filesystem::path& file) {
  const auto value = std::to_integer<int>(label);
  if (value >= cifar_classes(set))
    damaged(file, fmt::format("label {} of record {} is out of range, expected 0 to {}", value, number,
                              cifar_classes(set) - 1));
}

}  // namespace

std::int64_t count_cifar_images(const std::filesystem::path& file, Cifar set) {
  const auto in = open_cifar(file);
  const auto size = std::fseek(in.get(), 0, SEEK_END) == 0 ? std::ftell(in.get()) : -1;
  if (size < 0) damaged(file, "the file cannot be read");
  if (size == 0) damaged(file, "the file is empty");
  const std::int64_t record = labels_of(set) + features;
  if (size % record != 0)
    damaged(file, fmt::format("{} bytes are not a whole number of records of {} bytes", size, record));
  return size / record;
}

void read_cifar_images(std::span<const std::filesystem::path> files, std::span<std::byte> pixels,
                       std::span<std::byte> labels, Cifar set) {
  std::size_t kept = 0;
  Record record(labels_of(set) + features);
  for (const auto& file : files) {
    const auto in = open_cifar(file);
    for (std::int64_t number = 1; read_record(in.get(), record, file); ++number) {
      const auto label = record[labels_of(set) - 1];
      check_label(set, label, number, file);
      if (kept == labels.size()) continue;
      labels[kept] = label;
      std::copy(record.end() - features, record.end(), pixels.subspan(kept++ * features).begin());
    }
  }
  if (kept < labels.size()) damaged(files.back(), "the file changed while it was read");
}

}  // namespace flatsweep
