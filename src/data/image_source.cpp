#include "image_source.hpp"

#include "damaged.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/data/cifar.hpp"
#include "flatsweep/data/idx.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace flatsweep {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view cifar_name = "cifar-10";
constexpr std::string_view sample_name = "mnist-sample";
constexpr const char* cifar_batches[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                                         "data_batch_5.bin"};
constexpr const char* cifar_test = "test_batch.bin";

// data.name of the sets that tools/get-data brings, and what it calls them.
constexpr std::pair<std::string_view, std::string_view> known_sets[] = {
    {"mnist", "mnist"}, {"fashion-mnist", "fashion-mnist"}, {cifar_name, "cifar10"}};

fs::path folder_of(const DataOptions& options) { return options.root / options.name; }

std::string how_to_bring(const DataOptions& options) {
  if (options.name == sample_name) return "the sample comes with flatsweep: start in the root of its repository";
  const auto* set = std::ranges::find(known_sets, options.name, [](const auto& known) { return known.first; });
  if (set == std::end(known_sets))
    return fmt::format("tools/get-data brings {}, {} and {}", known_sets[0].first, known_sets[1].first,
                       known_sets[2].first);
  return fmt::format("bring the set with: tools/get-data {} --root {}", set->second, options.root.string());
}

/// A relative data.root leads from where flatsweep was started, which may be the wrong place.
std::string where(const DataOptions& options) {
  std::error_code ignored;
  return options.root.is_absolute() ? "" : " below " + fs::current_path(ignored).string();
}

[[noreturn]] void no_such_file(const DataOptions& options, const std::string& name, const std::string& forms) {
  throw ConfigError(fmt::format("{}: no such file{}{}; {}, or point data.root at a folder that holds {}/",
                                (folder_of(options) / name).string(), forms, where(options), how_to_bring(options),
                                options.name));
}

bool is_there(const fs::path& file) {
  std::error_code ignored;
  return fs::exists(file, ignored);
}

std::optional<fs::path> find_idx(const DataOptions& options, const std::string& name) {
  for (const auto* ending : {"", ".gz"}) {
    auto file = folder_of(options) / (name + ending);
    if (is_there(file)) return file;
  }
  return std::nullopt;
}

fs::path require_idx(const DataOptions& options, const std::string& name) {
  if (auto file = find_idx(options, name)) return *file;
  no_such_file(options, name, " (plain or .gz)");
}

// Reads the whole file, so that all of it is checked, and keeps its leading part.
void read_leading(const fs::path& file, std::span<std::byte> out) {
  std::vector<std::byte> whole(read_idx_header(file).size());
  read_idx_data(file, whole);
  if (whole.size() < out.size()) damaged(file, "the file changed while it was read");
  std::copy_n(whole.begin(), out.size(), out.begin());
}

void check_labels(const fs::path& file, std::span<const std::byte> labels, int classes) {
  const auto largest = std::to_integer<int>(*std::max_element(labels.begin(), labels.end()));
  if (largest >= classes)
    damaged(file, fmt::format("label {} is out of range, expected 0 to {}", largest, classes - 1));
}

IdxHeader image_header(const fs::path& file) {
  auto header = read_idx_header(file);
  if (header.shape.size() != 3)
    throw ConfigError(fmt::format("{}: this is a file of labels, expected images", file.string()));
  return header;
}

void check_label_header(const fs::path& file, std::uint32_t count, const fs::path& images) {
  const auto shape = read_idx_header(file).shape;
  if (shape.size() != 1) throw ConfigError(fmt::format("{}: this is a file of images, expected labels", file.string()));
  if (shape[0] != count)
    throw ConfigError(fmt::format("{}: {} labels for {} images in {}; the two files do not belong together",
                                  file.string(), shape[0], count, images.filename().string()));
}

ImageSource idx_source(const DataOptions& options, const std::string& part, int classes) {
  const auto images = require_idx(options, part + "-images-idx3-ubyte");
  const auto labels = require_idx(options, part + "-labels-idx1-ubyte");
  const auto shape = image_header(images).shape;
  check_label_header(labels, shape[0], images);
  const auto read = [=](std::span<std::byte> pixels, std::span<std::byte> numbers) {
    read_leading(images, pixels);
    read_leading(labels, numbers);
    check_labels(labels, numbers, classes);
  };
  return {images.string(), {1, static_cast<int>(shape[1]), static_cast<int>(shape[2])}, shape[0], read};
}

bool holds_cifar(const fs::path& folder) {
  const auto there = [&](const auto* name) { return is_there(folder / name); };
  return std::ranges::any_of(cifar_batches, there) || there(cifar_test);
}

ImageSource cifar_source(std::vector<fs::path> files, const fs::path& name) {
  std::int64_t count = 0;
  for (const auto& file : files) count += count_cifar_images(file);
  const auto read = [files = std::move(files)](std::span<std::byte> pixels, std::span<std::byte> labels) {
    read_cifar_images(files, pixels, labels);
  };
  return {name.string(), cifar_shape, count, read};
}

ImageSources cifar_sources(const fs::path& folder) {
  std::vector<fs::path> batches;
  for (const auto* name : cifar_batches) batches.push_back(folder / name);
  return {cifar_source(std::move(batches), folder / "data_batch_*.bin"),
          cifar_source({folder / cifar_test}, folder / cifar_test)};
}

}  // namespace

ImageSources find_images(const DataOptions& options, int classes) {
  if (holds_cifar(folder_of(options))) return cifar_sources(folder_of(options));
  if (options.name == cifar_name && !find_idx(options, "train-images-idx3-ubyte"))
    no_such_file(options, cifar_batches[0], "");
  return {idx_source(options, "train", classes), idx_source(options, "t10k", classes)};
}

}  // namespace flatsweep
