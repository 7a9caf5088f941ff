#include "image_source.hpp"

#include "damaged.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/data/idx.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <vector>

namespace flatsweep {

namespace {

namespace fs = std::filesystem;

fs::path find_file(const DataOptions& options, const std::string& name) {
  const auto folder = options.root / options.name;
  for (const auto* ending : {"", ".gz"}) {
    const auto file = folder / (name + ending);
    if (fs::exists(file)) return file;
  }
  const bool known = options.name == "mnist" || options.name == "fashion-mnist";
  const auto help =
      known ? fmt::format("bring the set with: tools/get-data {} --root {}", options.name, options.root.string())
            : std::string("tools/get-data brings mnist and fashion-mnist");
  throw ConfigError(fmt::format("{}: no such file (plain or .gz); {}, or point data.root at a folder that holds {}/",
                                (folder / name).string(), help, options.name));
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
  const auto images = find_file(options, part + "-images-idx3-ubyte");
  const auto labels = find_file(options, part + "-labels-idx1-ubyte");
  const auto shape = image_header(images).shape;
  check_label_header(labels, shape[0], images);
  const auto read = [=](std::span<std::byte> pixels, std::span<std::byte> numbers) {
    read_leading(images, pixels);
    read_leading(labels, numbers);
    check_labels(labels, numbers, classes);
  };
  return {images.string(), {1, static_cast<int>(shape[1]), static_cast<int>(shape[2])}, shape[0], read};
}

}  // namespace

ImageSources find_images(const DataOptions& options, int classes) {
  return {idx_source(options, "train", classes), idx_source(options, "t10k", classes)};
}

}  // namespace flatsweep
