#pragma once

#include "flatsweep/io/durable_file.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace flatsweep {

/// Writes arrays of single precision as NumPy's .npz, not packed, a piece after the other, so that they need not be in
/// memory. `path` is at every moment absent, the old file, or the new one, whole. Equal arrays give equal bytes.
/// All members throw IoError with path and reason.
class NpzWriter {
 public:
  explicit NpzWriter(const std::filesystem::path& path, const FileOwner& owner = {});
  ~NpzWriter();  ///< removes what is not published
  NpzWriter(const NpzWriter&) = delete;
  NpzWriter& operator=(const NpzWriter&) = delete;

  /// The next array.   @throws IoError also where the one before lacks numbers, or the name is one that `ArrayFile`
  /// would refuse or is there twice
  void begin(const std::string& name, std::vector<std::int64_t> shape);
  /// Its next numbers, row-major.   @throws IoError also where they are more than the shape has
  void append(std::span<const float> numbers);
  /// Completes the file and gives it its name. Nothing may follow.
  void publish();

 private:
  class Archive;
  std::filesystem::path path_;
  FileOwner owner_;
  std::unique_ptr<Archive> archive_;
};

}  // namespace flatsweep
