#include "image_source.hpp"

#include "array_images.hpp"
#include "damaged.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/regular_file.hpp"
#include "flatsweep/data/cifar.hpp"
#include "flatsweep/data/idx.hpp"
#include "teacher_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
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
constexpr const char* cifar_hundred[] = {"train.bin", "test.bin"};
constexpr std::string_view sample_name = "mnist-sample";
constexpr const char* cifar_batches[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                                         "data_batch_5.bin"};
constexpr const char* cifar_test = "test_batch.bin";

// data.name of the sets that tools/get-data brings, and what it calls them.
constexpr std::pair<std::string_view, std::string_view> known_sets[] = {
    {"mnist", "mnist"}, {"fashion-mnist", "fashion-mnist"}, {cifar_name, "cifar10"}};

fs::path folder_of(const DataOptions& options) { return options.root / options.name; }

/// The command that brings a set; none for a set of the user's own.
std::optional<std::string> command_for(const DataOptions& options) {
  const auto* set = std::ranges::find(known_sets, options.name, [](const auto& known) { return known.first; });
  if (set == std::end(known_sets)) return std::nullopt;
  return fmt::format("tools/get-data {} --root {}", set->second, options.root.string());
}

std::string how_to_bring(const DataOptions& options) {
  if (options.name == sample_name) return "the sample comes with flatsweep: start in the root of its repository";
  if (const auto command = command_for(options)) return "bring the set with: " + *command;
  return fmt::format("tools/get-data brings {}, {} and {}", known_sets[0].first, known_sets[1].first,
                     known_sets[2].first);
}

/// What to do about a file that is there and damaged.
std::string how_to_repair(const DataOptions& options) {
  if (options.name == sample_name) return "take the file anew from flatsweep's repository";
  if (const auto command = command_for(options)) return "bring the set again with: " + *command;
  return "write the file anew; docs/configuration.md says under [data] what it must hold";
}

/// Runs `work`; of a damaged file it is said what to do about it.
template <class Work>
auto with_remedy(const DataOptions& options, Work work) {
  try {
    return work();
  } catch (const DamagedData& error) {
    throw ConfigError(fmt::format("{}; {}", error.what(), how_to_repair(options)));
  }
}

/// A relative data.root leads from where flatsweep was started, which may be the wrong place.
std::string where(const DataOptions& options) {
  std::error_code ignored;
  return options.root.is_absolute() ? "" : " below " + fs::current_path(ignored).string();
}

/// Letters and digits alone, in small letters, without an ending that says how it is packed.
std::string bare(std::string name) {
  for (const std::string_view ending : {".gz", ".zip"})
    if (name.ends_with(ending)) name.resize(name.size() - ending.size());
  std::string letters;
  for (const unsigned char c : name)
    if (std::isalnum(c) != 0) letters += static_cast<char>(std::tolower(c));
  return letters;
}

/// Names in a folder, in order; of a folder that cannot be read none.
std::vector<std::string> names_in(const fs::path& folder) {
  constexpr std::size_t most = 1000;
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end && names.size() < most;
       entry.increment(failed))
    names.push_back(entry->path().filename().string());
  std::ranges::sort(names);
  return names;
}

/// What stands in the place of a file that is not found: the same under a name that is written a little otherwise, as
/// train-images.idx3-ubyte or MNIST/, or within a folder of its name.
std::string what_is_there(const fs::path& folder, const std::string& name) {
  std::error_code ignored;
  for (const auto& there : names_in(folder)) {
    if (bare(there) != bare(name)) continue;
    if (!fs::is_directory(folder / there, ignored))
      return fmt::format("there is {}: {} it {}", there, there.ends_with(".zip") ? "unpack it and name" : "rename",
                         name);
    for (const auto& inside : names_in(folder / there))
      if (bare(inside) == bare(name))
        return fmt::format("{} is a folder: move the file {}/{} out of it", there, there, inside);
    return fmt::format("{} is a folder, and a file is wanted", there);
  }
  return "";
}

std::string hint(const DataOptions& options, const std::string& name) {
  std::error_code ignored;
  if (fs::is_directory(folder_of(options), ignored)) return what_is_there(folder_of(options), name);
  for (const auto& there : names_in(options.root))
    if (there != options.name && bare(there) == bare(options.name) && fs::is_directory(options.root / there, ignored))
      return fmt::format("there is the folder {}: set data.name = \"{}\"", there, there);
  return "";
}

[[noreturn]] void no_such_file(const DataOptions& options, const std::string& name, const std::string& forms) {
  const auto found = hint(options, name);
  const auto advice = found.empty() ? fmt::format("{}, or point data.root at a folder that holds {}/",
                                                  how_to_bring(options), options.name)
                                    : found;
  throw ConfigError(
      fmt::format("{}: no such file{}{}; {}", (folder_of(options) / name).string(), forms, where(options), advice));
}

/// A folder of that name is none of the set's files.
bool file_is_there(const fs::path& file) {
  std::error_code ignored;
  return is_there(file) && !fs::is_directory(file, ignored);
}

std::optional<fs::path> find_idx(const DataOptions& options, const std::string& name) {
  for (const auto* ending : {"", ".gz"}) {
    auto file = folder_of(options) / (name + ending);
    if (file_is_there(file)) return file;
  }
  return std::nullopt;
}

fs::path require_idx(const DataOptions& options, const std::string& name) {
  if (auto file = find_idx(options, name)) return *file;
  no_such_file(options, name, " (plain or .gz)");
}

// Reads the whole file, so that all of it is checked, and keeps its leading part.
std::vector<std::byte> read_leading(const fs::path& file, std::span<std::byte> out) {
  std::vector<std::byte> whole(read_idx_header(file).size());
  read_idx_data(file, whole);
  if (whole.size() < out.size()) damaged(file, "the file changed while it was read");
  std::copy_n(whole.begin(), out.size(), out.begin());
  return whole;
}

IdxHeader image_header(const fs::path& file) {
  auto header = read_idx_header(file);
  if (header.shape.size() < 2)
    throw ConfigError(fmt::format("{}: this is a file of labels, expected images", file.string()));
  return header;
}

void check_label_header(const fs::path& file, std::uint32_t count, const fs::path& images) {
  const auto [shape, type] = read_idx_header(file);
  if (type != IdxType::u8) throw ConfigError(fmt::format("{}: labels must be unsigned bytes", file.string()));
  if (shape.size() != 1) throw ConfigError(fmt::format("{}: this is a file of images, expected labels", file.string()));
  if (shape[0] != count)
    throw ConfigError(fmt::format("{}: {} labels for {} images in {}; the two files do not belong together",
                                  file.string(), shape[0], count, images.filename().string()));
}

/// All of a file's labels, and how many classes there are.
std::vector<std::byte> read_labels(const fs::path& file) {
  std::vector<std::byte> labels(read_idx_header(file).size());
  read_idx_data(file, std::span<std::byte>(labels));
  return labels;
}

/// Pixels of unsigned bytes that nobody scales stay as they are, all others become singles.
void read_idx_pixels(const fs::path& file, double scale, std::span<std::byte> pixels) {
  if (scale == 0.0 && read_idx_header(file).type == IdxType::u8) return (void)read_leading(file, pixels);
  std::vector<float> numbers(read_idx_header(file).size());
  read_idx_data(file, std::span<float>(numbers));
  if (numbers.size() * sizeof(float) < pixels.size()) damaged(file, "the file changed while it was read");
  numbers.resize(pixels.size() / sizeof(float));
  store_singles(file, numbers, scale, pixels);
}

/// @param trained the training part of the same set; for this part itself nothing
ImageSource idx_source(const DataOptions& options, const std::string& part, const ImageSource* trained) {
  const auto images = require_idx(options, part + "-images-idx3-ubyte");
  const auto labels = require_idx(options, part + "-labels-idx1-ubyte");
  const auto [shape, type] = image_header(images);
  check_label_header(labels, shape[0], images);
  const auto all = read_labels(labels);
  const int classes = trained == nullptr ? count_classes(labels, all) : trained->classes;
  check_labels(labels, all, classes);
  const auto read = [=, scale = options.scale](std::span<std::byte> pixels, std::span<std::byte> numbers) {
    read_idx_pixels(images, scale, pixels);
    check_labels(labels, read_leading(labels, numbers), classes);
  };
  const auto numbers = type == IdxType::u8 && options.scale == 0.0 ? PixelType::bytes : PixelType::singles;
  return {images.string(), image_shape({shape.begin(), shape.end()}), shape[0], classes, numbers, read};
}

bool holds_cifar(const fs::path& folder) {
  const auto there = [&](const auto* name) { return file_is_there(folder / name); };
  return std::ranges::any_of(cifar_batches, there) || there(cifar_test);
}

ImageSource cifar_source(std::vector<fs::path> files, const fs::path& name, Cifar set) {
  std::int64_t count = 0;
  for (const auto& file : files) count += count_cifar_images(file, set);
  const auto read = [files = std::move(files), set](std::span<std::byte> pixels, std::span<std::byte> labels) {
    read_cifar_images(files, pixels, labels, set);
  };
  return {name.string(), cifar_shape, count, cifar_classes(set), PixelType::bytes, read};
}

ImageSources cifar_hundred_sources(const fs::path& folder) {
  const auto source = [&](const char* file) { return cifar_source({folder / file}, folder / file, Cifar::hundred); };
  return {source(cifar_hundred[0]), source(cifar_hundred[1])};
}

bool holds_cifar_hundred(const fs::path& folder) {
  return std::ranges::all_of(cifar_hundred, [&](const char* name) { return file_is_there(folder / name); });
}

ImageSources cifar_sources(const fs::path& folder) {
  std::vector<fs::path> batches;
  for (const auto* name : cifar_batches) batches.push_back(folder / name);
  return {cifar_source(std::move(batches), folder / "data_batch_*.bin", Cifar::ten),
          cifar_source({folder / cifar_test}, folder / cifar_test, Cifar::ten)};
}

}  // namespace

namespace {

ImageSources find_sources(const DataOptions& options) {
  if (options.name == teacher_name) return teacher_sources(options);
  const auto folder = folder_of(options);
  const bool cifar = holds_cifar(folder), hundred = !cifar && holds_cifar_hundred(folder);
  if ((cifar || hundred) && options.scale != 0.0)
    throw ConfigError("data.scale is for IDX files and arrays; CIFAR's bytes are always scaled by 1/255; remove it");
  const bool real = options.targets == Targets::real;
  if (real && (cifar || hundred))
    throw ConfigError("data.targets = \"real\" is for sets in arrays and the teacher; CIFAR has classes; remove it");
  if (cifar) return cifar_sources(folder);
  if (hundred) return cifar_hundred_sources(folder);
  if (auto arrays = find_array_images(folder, options.scale, options.targets)) return *std::move(arrays);
  if (real)
    throw ConfigError(
        fmt::format("{}: data.targets = \"real\" is for sets in arrays and the teacher, and no {} is here; "
                    "docs/configuration.md says under [data] what such a set holds",
                    folder.string(), "data.npz, data.h5, data.safetensors or train-images.npy"));
  if (options.name == cifar_name && !find_idx(options, "train-images-idx3-ubyte"))
    no_such_file(options, cifar_batches[0], "");
  auto train = idx_source(options, "train", nullptr);
  auto test = idx_source(options, "t10k", &train);
  return {std::move(train), std::move(test)};
}

}  // namespace

ImageSources find_images(const DataOptions& options) {
  auto sources = with_remedy(options, [&] { return find_sources(options); });
  for (auto* source : {&sources.train, &sources.test})
    source->read = [options, read = std::move(source->read)](std::span<std::byte> pixels, std::span<std::byte> labels) {
      with_remedy(options, [&] { read(pixels, labels); });
    };
  return sources;
}

}  // namespace flatsweep
