#include "flatsweep/data/image_dataset.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/hexadecimal.hpp"
#include "flatsweep/par/agreement.hpp"
#include "image_source.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace flatsweep {

namespace {

/// A source and how many of its images are used.
struct Part {
  ImageSource source;
  std::int64_t count = 0;
  [[nodiscard]] std::size_t labels() const { return count; }
  [[nodiscard]] std::size_t image_bytes() const {
    return std::size_t{1} * source.shape.features() * bytes_of(source.numbers);
  }
  [[nodiscard]] bool real() const { return source.targets == Targets::real; }
  /// Bytes of all images, with their real targets.
  [[nodiscard]] std::size_t pixels() const { return labels() * (image_bytes() + (real() ? source.target_bytes() : 0)); }
  /// Whole numbers, so that those of the next part stand where the processor wants them.
  [[nodiscard]] std::size_t bytes() const {
    const std::size_t unit = bytes_of(source.numbers);
    return (pixels() + labels() + unit - 1) / unit * unit;
  }
};

struct Parts {
  Part train, test;
  [[nodiscard]] DatasetShape shape() const {
    return {train.count,          test.count,           train.source.shape,
            train.source.classes, train.source.numbers, train.source.targets};
  }
};

Part limited(ImageSource source, const std::string& key, std::int64_t limit) {
  if (limit > source.count)
    throw ConfigError(
        fmt::format("data.{} = {} is more than the {} images of {}", key, limit, source.count, source.file));
  const auto count = limit > 0 ? limit : source.count;
  return {std::move(source), count};
}

Parts inspect(const DataOptions& options) {
  auto [train, test] = find_images(options);
  if (train.shape != test.shape)
    throw ConfigError(fmt::format("{}: images differ in size from those of the training set", test.file));
  if (train.numbers != test.numbers)
    throw ConfigError(fmt::format("{}: its numbers are of another type than those of {}; write both in one type",
                                  test.file, train.file));
  return {limited(std::move(train), "train_limit", options.train_limit),
          limited(std::move(test), "test_limit", options.test_limit)};
}

/// The targets of an image behind its numbers, and labels 0.
void read_real(const Part& part, std::span<std::byte> pixels, std::span<std::byte> labels) {
  const std::size_t numbers = part.image_bytes(), targets = part.source.target_bytes();
  std::vector<std::byte> images(part.labels() * numbers), all_targets(part.labels() * targets);
  part.source.read(images, all_targets);
  for (std::size_t i = 0; i < part.labels(); ++i) {
    auto* const row = pixels.data() + i * (numbers + targets);
    std::copy_n(images.data() + i * numbers, numbers, row);
    std::copy_n(all_targets.data() + i * targets, targets, row + numbers);
  }
  std::ranges::fill(labels, std::byte{0});
}

/// In memory each part is its pixels, then its labels; the test part follows the training part.
void fill(const Parts& parts, std::span<std::byte> bytes) {
  for (const auto* part : {&parts.train, &parts.test}) {
    const auto pixels = bytes.first(part->pixels()), labels = bytes.subspan(part->pixels(), part->labels());
    if (part->real())
      read_real(*part, pixels, labels);
    else
      part->source.read(pixels, labels);
    std::ranges::fill(bytes.first(part->bytes()).subspan(part->pixels() + part->labels()), std::byte{0});
    bytes = bytes.subspan(part->bytes());
  }
}

ImageSet view(const Part& part, std::span<const std::byte> bytes) {
  const auto* first = reinterpret_cast<const std::uint8_t*>(bytes.data());
  return {{first, part.pixels()}, {first + part.pixels(), part.labels()}, part.source.shape.features(), {},
          part.source.numbers,    part.real() ? part.source.classes : 0};
}

std::string hash(std::span<const std::byte> bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest, &length, EVP_sha256(), nullptr) != 1)
    throw IoError("computing the SHA-256 of the data set failed");
  return hexadecimal({digest, length});
}

}  // namespace

DatasetShape inspect_dataset(const DataOptions& options) { return inspect(options).shape(); }

ImageDataset::ImageDataset(const Communicator& comm, const DataOptions& options) : name_(options.name) {
  Parts parts;
  agree(comm, [&] { parts = inspect(options); });
  shape_ = parts.shape();
  memory_ = SharedBytes(comm, parts.train.bytes() + parts.test.bytes(),
                        [&](std::span<std::byte> bytes) { fill(parts, bytes); });
  train_ = view(parts.train, memory_.get());
  test_ = view(parts.test, memory_.get().subspan(parts.train.bytes()));
  on_root(comm, [&] { sha256_ = hash(memory_.get()); });
  comm.broadcast(sha256_);
}

}  // namespace flatsweep
