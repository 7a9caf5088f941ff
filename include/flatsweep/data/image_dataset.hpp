#pragma once

#include "flatsweep/data/image_shape.hpp"
#include "flatsweep/data/targets.hpp"
#include "flatsweep/data/teacher.hpp"
#include "flatsweep/par/communicator.hpp"
#include "flatsweep/par/shared_bytes.hpp"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace flatsweep {

/// Images and labels as they stand in memory: one image after another. A view of some of the images has their places.
/// Where targets are real, those of an image stand behind its numbers, and its label means nothing.
struct ImageSet {
  std::span<const std::uint8_t> pixels;  ///< (images, image_bytes()), the bytes of all numbers
  std::span<const std::uint8_t> labels;  ///< (count,)
  int features = 0;
  std::span<const std::uint32_t> places = {};  ///< (count,) among the images; empty: all of them in order
  PixelType numbers = PixelType::bytes;
  int targets = 0;  ///< real ones of each image, in single precision; 0 where targets are classes
  [[nodiscard]] std::int64_t count() const { return std::ssize(labels); }
  [[nodiscard]] int image_bytes() const { return features * bytes_of(numbers) + targets * 4; }
  [[nodiscard]] const std::uint8_t* image(std::size_t i) const {
    return pixels.data() + (places.empty() ? i : places[i]) * image_bytes();
  }
};

/// Table [data] of the configuration.
struct DataOptions {
  std::string name = "mnist";  ///< folder under `root`, holding IDX, CIFAR or array files; or `teacher_name`
  std::filesystem::path root = "data";
  std::int64_t train_limit = 0;  ///< use the first so many training images; 0 for all
  std::int64_t test_limit = 0;
  double scale = 0.0;  ///< factor of all numbers; 0: 1/255 of bytes, 1 of others
  Targets targets = Targets::classes;
  double label_noise = 0.0;  ///< fraction of the training labels that is redrawn, by `TrainingSubset`
  TeacherOptions teacher;
};

/// How large a set is, after the limits.
struct DatasetShape {
  std::int64_t train_count = 0;
  std::int64_t test_count = 0;
  ImageShape image;
  int classes = 0;  ///< found from the training labels: 0 to classes - 1; of real targets how many each sample has
  PixelType numbers = PixelType::bytes;
  Targets targets = Targets::classes;
  [[nodiscard]] int features() const { return image.features(); }
  bool operator==(const DatasetShape&) const = default;
};

/// Checks that the files are there and fit one another, from their headers and sizes. Serial.
/// @throws ConfigError naming the file and the tools/get-data command that brings it
[[nodiscard]] DatasetShape inspect_dataset(const DataOptions& options);

/// A training and a test set, held once per node.
class ImageDataset {
 public:
  /// @note Collective over `comm`.  @throws ConfigError, agreed
  ImageDataset(const Communicator& comm, const DataOptions& options);

  [[nodiscard]] const ImageSet& train() const { return train_; }
  [[nodiscard]] const ImageSet& test() const { return test_; }
  [[nodiscard]] const DatasetShape& shape() const { return shape_; }
  [[nodiscard]] int classes() const { return shape_.classes; }
  [[nodiscard]] const std::string& name() const { return name_; }
  /// SHA-256 over training images, training labels, test images, test labels as used (after the limits), in hex.
  [[nodiscard]] const std::string& sha256() const { return sha256_; }
  [[nodiscard]] bool shared_on_node() const { return memory_.shared(); }
  /// Why each rank has a copy of its own; "" where the ranks of a node share one.
  [[nodiscard]] const std::string& trouble() const { return memory_.trouble(); }

 private:
  std::string name_;
  DatasetShape shape_;
  SharedBytes memory_;
  ImageSet train_, test_;
  std::string sha256_;
};

}  // namespace flatsweep
