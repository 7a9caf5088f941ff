#include "image_source.hpp"

#include "damaged.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/regular_file.hpp"
#include "flatsweep/data/cifar.hpp"
#include "flatsweep/data/idx.hpp"

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
    (void)read_leading(images, pixels);
    check_labels(labels, read_leading(labels, numbers), classes);
  };
  return {images.string(), {1, static_cast<int>(shape[1]), static_cast<int>(shape[2])}, shape[0], read};
}

bool holds_cifar(const fs::path& folder) {
  const auto there = [&](const auto* name) { return file_is_there(folder / name); };
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

namespace {

ImageSources find_sources(const DataOptions& options, int classes) {
  if (holds_cifar(folder_of(options))) return cifar_sources(folder_of(options));
  if (options.name == cifar_name && !find_idx(options, "train-images-idx3-ubyte"))
    no_such_file(options, cifar_batches[0], "");
  return {idx_source(options, "train", classes), idx_source(options, "t10k", classes)};
}

}  // namespace

ImageSources find_images(const DataOptions& options, int classes) {
  auto sources = with_remedy(options, [&] { return find_sources(options, classes); });
  for (auto* source : {&sources.train, &sources.test})
    source->read = [options, read = std::move(source->read)](std::span<std::byte> pixels, std::span<std::byte> labels) {
      with_remedy(options, [&] { read(pixels, labels); });
    };
  return sources;
}

}  // namespace flatsweep
