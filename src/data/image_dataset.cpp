#include "flatsweep/data/image_dataset.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/data/idx.hpp"
#include "flatsweep/par/agreement.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace flatsweep {

namespace {

namespace fs = std::filesystem;

struct Files {
  fs::path images, labels;
};

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

Files find_pair(const DataOptions& options, const std::string& part) {
  return {find_file(options, part + "-images-idx3-ubyte"), find_file(options, part + "-labels-idx1-ubyte")};
}

struct Pair {
  Files files;
  IdxHeader images;
  std::int64_t count = 0;  // as used
  std::int64_t available = 0;
  [[nodiscard]] std::size_t features() const { return std::size_t{images.shape[1]} * images.shape[2]; }
};

Pair inspect_pair(const DataOptions& options, const std::string& part, std::int64_t limit) {
  Pair pair{find_pair(options, part), {}, 0, 0};
  pair.images = read_idx_header(pair.files.images);
  const auto labels = read_idx_header(pair.files.labels);
  if (pair.images.shape.size() != 3)
    throw ConfigError(fmt::format("{}: this is a file of labels, expected images", pair.files.images.string()));
  if (labels.shape.size() != 1)
    throw ConfigError(fmt::format("{}: this is a file of images, expected labels", pair.files.labels.string()));
  if (labels.shape[0] != pair.images.shape[0])
    throw ConfigError(fmt::format("{}: {} labels for {} images in {}; the two files do not belong together",
                                  pair.files.labels.string(), labels.shape[0], pair.images.shape[0],
                                  pair.files.images.filename().string()));
  pair.available = pair.images.shape[0];
  if (limit > pair.available)
    throw ConfigError(fmt::format("data.{}_limit = {} is more than the {} images of {}",
                                  part == "train" ? "train" : "test", limit, pair.available,
                                  pair.files.images.string()));
  pair.count = limit > 0 ? limit : pair.available;
  return pair;
}

struct Pairs {
  Pair train, test;
  [[nodiscard]] DatasetShape shape() const {
    const auto& axes = train.images.shape;
    return {train.count, test.count, {1, static_cast<int>(axes[1]), static_cast<int>(axes[2])}};
  }
  [[nodiscard]] std::size_t bytes() const {
    return static_cast<std::size_t>(train.count) * (train.features() + 1) +
           static_cast<std::size_t>(test.count) * (test.features() + 1);
  }
};

Pairs inspect_pairs(const DataOptions& options) {
  Pairs pairs{inspect_pair(options, "train", options.train_limit), inspect_pair(options, "t10k", options.test_limit)};
  if (pairs.train.features() != pairs.test.features())
    throw ConfigError(
        fmt::format("{}: images differ in size from those of the training set", pairs.test.files.images.string()));
  return pairs;
}

// Reads the whole file, so that all of it is checked, and keeps its leading part.
void read_leading(const fs::path& file, std::span<std::byte> out) {
  std::vector<std::byte> whole(read_idx_header(file).size());
  read_idx_data(file, whole);
  std::copy_n(whole.begin(), out.size(), out.begin());
}

std::span<std::byte> take(std::span<std::byte>& rest, std::size_t count) {
  const auto part = rest.first(count);
  rest = rest.subspan(count);
  return part;
}

void fill(const Pairs& pairs, std::span<std::byte> rest) {
  for (const auto* pair : {&pairs.train, &pairs.test}) {
    const auto count = static_cast<std::size_t>(pair->count);
    read_leading(pair->files.images, take(rest, count * pair->features()));
    read_leading(pair->files.labels, take(rest, count));
  }
}

ImageSet view(const Pair& pair, std::span<const std::byte>& rest) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(rest.data());
  const auto count = static_cast<std::size_t>(pair.count);
  const std::size_t pixels = count * pair.features();
  rest = rest.subspan(pixels + count);
  return {{bytes, pixels}, {bytes + pixels, count}, static_cast<int>(pair.features())};
}

std::string hash(std::span<const std::byte> bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest, &length, EVP_sha256(), nullptr) != 1)
    throw IoError("computing the SHA-256 of the data set failed");
  std::string text;
  for (unsigned i = 0; i < length; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

void check_labels(const ImageSet& set, int classes, const std::string& where) {
  const auto largest = *std::max_element(set.labels.begin(), set.labels.end());
  if (largest >= classes)
    throw ConfigError(fmt::format("{}: label {} is out of range, expected 0 to {}", where, largest, classes - 1));
}

}  // namespace

DatasetShape inspect_dataset(const DataOptions& options) { return inspect_pairs(options).shape(); }

ImageDataset::ImageDataset(const Communicator& comm, const DataOptions& options) : name_(options.name) {
  Pairs pairs;
  agree(comm, [&] { pairs = inspect_pairs(options); });
  shape_ = pairs.shape();
  memory_ = SharedBytes(comm, pairs.bytes(), [&](std::span<std::byte> bytes) { fill(pairs, bytes); });
  auto rest = memory_.get();
  train_ = view(pairs.train, rest);
  test_ = view(pairs.test, rest);
  agree(comm, [&] {
    check_labels(train_, classes_, pairs.train.files.labels.string());
    check_labels(test_, classes_, pairs.test.files.labels.string());
  });
  leader_does(comm, [&] { sha256_ = hash(memory_.get()); });
  comm.broadcast(sha256_);
}

}  // namespace flatsweep
