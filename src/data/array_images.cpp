#include "array_images.hpp"

#include "damaged.hpp"
#include "flatsweep/base/limits.hpp"
#include "flatsweep/base/regular_file.hpp"
#include "flatsweep/io/array_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

namespace flatsweep {

namespace {

namespace fs = std::filesystem;

constexpr const char* containers[] = {"data.npz", "data.h5", "data.safetensors"};

/// One array of a file.
struct Located {
  fs::path file;
  std::string name;
  [[nodiscard]] std::string text() const { return name.empty() ? file.string() : file.string() + " " + name; }
};

struct Opened {
  ArrayFile file;
  std::int64_t array;
  [[nodiscard]] const ArrayHeader& header() const { return file.list().arrays[array]; }
};

Opened open_array(const Located& at) {
  ArrayFile file(at.file);
  const auto array = file.list().find(at.name);
  if (array < 0) throw ConfigError(fmt::format("{}: there is no array {}; add it", at.file.string(), at.name));
  return {std::move(file), array};
}

bool stands_there(const fs::path& file) {
  std::error_code ignored;
  return is_there(file) && !fs::is_directory(file, ignored);
}

/// Where images and labels, or real targets, of a part ("train", "test") are.
std::optional<std::array<Located, 2>> locate(const fs::path& folder, const std::string& part, Targets targets) {
  const std::string second = targets == Targets::real ? "targets" : "labels";
  for (const auto* container : containers)
    if (stands_there(folder / container))
      return {{Located{folder / container, part + "_images"}, Located{folder / container, part + "_" + second}}};
  const fs::path images = folder / (part + "-images.npy"), labels = folder / (part + "-" + second + ".npy");
  if (!stands_there(images)) return std::nullopt;
  if (!stands_there(labels)) throw ConfigError(fmt::format("{}: no such file; add the {}", labels.string(), second));
  return {{Located{images, ""}, Located{labels, ""}}};
}

std::vector<std::byte> read_array_labels(const Located& at, std::int64_t count, const Located& images) {
  const auto opened = open_array(at);
  const auto& header = opened.header();
  if (header.shape.size() != 1 || header.shape[0] != count)
    throw ConfigError(fmt::format("{}: labels must be one row of numbers, one for each of the {} images of {}",
                                  at.text(), count, images.text()));
  std::vector<std::int64_t> numbers(count);
  opened.file.read(opened.array, std::span(numbers));
  std::vector<std::byte> labels;
  for (const auto number : numbers) {
    if (number < 0 || number > 255)
      damaged(at.file, fmt::format("label {} is out of range; classes are numbered 0, 1, ... up to 255", number));
    labels.push_back(static_cast<std::byte>(number));
  }
  return labels;
}

void read_array_pixels(const Located& at, double scale, std::span<std::byte> pixels) {
  const auto opened = open_array(at);
  const auto& header = opened.header();
  const auto width = header.type == NumberType::u8 && scale == 0.0 ? 1 : 4;
  const auto row = header.row_size();
  const Range rows{0, std::ssize(pixels) / (width * row)};
  if (width == 1) {
    auto* const first = reinterpret_cast<std::uint8_t*>(pixels.data());
    return opened.file.read_rows(opened.array, rows, std::span(first, pixels.size()));
  }
  std::vector<float> numbers(pixels.size() / sizeof(float));
  opened.file.read_rows(opened.array, rows, std::span(numbers));
  store_singles(at.file, numbers, scale, pixels);
}

/// Real targets of each image.
int targets_of(const Located& at, std::int64_t count, const Located& images) {
  const auto opened = open_array(at);
  const auto& header = opened.header();
  if (header.shape.size() != 2 || header.shape[0] != count || header.shape[1] < 1 || header.shape[1] > limits::classes)
    throw ConfigError(
        fmt::format("{}: targets must be (M, K), a row of 1 to {} numbers for each of the {} images of {}", at.text(),
                    limits::classes, count, images.text()));
  return header.shape[1];
}

void read_array_targets(const Located& at, int columns, std::span<std::byte> targets) {
  const auto opened = open_array(at);
  std::vector<float> numbers(targets.size() / sizeof(float));
  opened.file.read_rows(opened.array, Range{0, std::ssize(numbers) / columns}, std::span(numbers));
  store_singles(at.file, numbers, 0.0, targets, "targets");
}

ImageSource with_real_targets(ImageSource source, const std::array<Located, 2>& at, double scale) {
  source.targets = Targets::real;
  source.classes = targets_of(at[1], source.count, at[0]);
  source.read = [at, scale, columns = source.classes](std::span<std::byte> pixels, std::span<std::byte> targets) {
    read_array_pixels(at[0], scale, pixels);
    read_array_targets(at[1], columns, targets);
  };
  return source;
}

ImageSource array_source(const std::array<Located, 2>& at, double scale, Targets targets, const ImageSource* trained) {
  const auto& [images, labels] = at;
  const auto opened = open_array(images);
  const auto& header = opened.header();
  if (header.shape.size() < 2 || header.shape.size() > 4 || header.count() == 0)
    throw ConfigError(fmt::format("{}: images must be (M, d), (M, H, W) or (M, C, H, W)", images.text()));
  const auto numbers = header.type == NumberType::u8 && scale == 0.0 ? PixelType::bytes : PixelType::singles;
  ImageSource source{images.text(), image_shape(header.shape), header.shape[0], 0, numbers, {}};
  if (targets == Targets::real) return with_real_targets(std::move(source), at, scale);
  const auto all = read_array_labels(labels, header.shape[0], images);
  source.classes = trained == nullptr ? count_classes(labels.file, all) : trained->classes;
  check_labels(labels.file, all, source.classes);
  source.read = [images = images, all, scale](std::span<std::byte> pixels, std::span<std::byte> out) {
    read_array_pixels(images, scale, pixels);
    std::copy_n(all.begin(), out.size(), out.begin());
  };
  return source;
}

}  // namespace

std::optional<ImageSources> find_array_images(const fs::path& folder, double scale, Targets targets) {
  const auto train = locate(folder, "train", targets);
  if (!train) return std::nullopt;
  const auto test = locate(folder, "test", targets);
  if (!test)
    throw ConfigError(fmt::format("{}: no such file; add the test set", (folder / "test-images.npy").string()));
  auto trained = array_source(*train, scale, targets, nullptr);
  auto tested = array_source(*test, scale, targets, &trained);
  if (tested.classes != trained.classes)
    throw ConfigError(fmt::format("{}: {} targets of each image, and the training set has {}", (*test)[1].text(),
                                  tested.classes, trained.classes));
  return ImageSources{std::move(trained), std::move(tested)};
}

ImageShape image_shape(const std::vector<std::int64_t>& all) {
  double numbers = 1.0;
  for (std::size_t i = 1; i < all.size(); ++i) numbers *= all[i];
  if (numbers > std::numeric_limits<int>::max())
    throw ConfigError(
        fmt::format("an image of {:.0f} numbers is larger than {}", numbers, std::numeric_limits<int>::max()));
  const auto side = [&](std::size_t from_the_end) -> int {
    return all.size() > from_the_end ? all[all.size() - from_the_end] : 1;
  };
  return {side(3), side(2), side(1)};
}

int count_classes(const fs::path& file, std::span<const std::byte> labels) {
  std::array<bool, 256> found{};
  int classes = 0;
  for (const auto label : labels) {
    const auto value = std::to_integer<int>(label);
    found[value] = true;
    classes = std::max(classes, value + 1);
  }
  for (int c = 0; c < classes; ++c)
    if (!found[c])
      damaged(file, fmt::format("no training image has label {}, and the largest is {}; number the classes 0, 1, ... "
                                "without a gap",
                                c, classes - 1));
  if (classes < 2) damaged(file, "all training labels are 0; there must be two classes or more");
  return classes;
}

void check_labels(const fs::path& file, std::span<const std::byte> labels, int classes) {
  const auto largest = std::to_integer<int>(*std::max_element(labels.begin(), labels.end()));
  if (largest >= classes)
    damaged(file, fmt::format("label {} is out of range, expected 0 to {}", largest, classes - 1));
}

void store_singles(const fs::path& file, std::span<const float> numbers, double scale, std::span<std::byte> out,
                   std::string_view what) {
  const float factor = scale == 0.0 ? 1.0 : scale;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const float number = numbers[i] * factor;
    if (!std::isfinite(number)) damaged(file, fmt::format("number {} of the {} is not finite", i, what));
    std::memcpy(out.data() + i * sizeof(float), &number, sizeof(float));
  }
}

}  // namespace flatsweep
