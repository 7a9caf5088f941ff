#pragma once

#include "flatsweep/base/error.hpp"
#include "flatsweep/io/array_file.hpp"
#include "io/posix_handle.hpp"

#include <fmt/format.h>

#include <memory>
#include <span>
#include <string>
#include <utility>

namespace flatsweep {

/// One format's way to its arrays.
class ArraySource {
 public:
  ArraySource() = default;
  ArraySource(const ArraySource&) = delete;
  ArraySource& operator=(const ArraySource&) = delete;
  virtual ~ArraySource() = default;

  [[nodiscard]] const ArrayList& list() const { return list_; }
  /// Rows of an array, row-major, little endian, in the type of its header.
  /// @pre the rows are there, and `out` has their size
  virtual void read(std::size_t array, Range rows, std::span<std::byte> out) = 0;

 protected:
  ArrayList list_;
};

// The headers are read and tested now.  @throws ConfigError and IoError without the path
std::unique_ptr<ArraySource> open_safetensors(PosixFile file);
std::unique_ptr<ArraySource> open_npy(PosixFile file);
std::unique_ptr<ArraySource> open_npz(PosixFile file);
// Of HDF5 what stands below one group alone, as a file may hold far more; all of it without one.
std::unique_ptr<ArraySource> open_hdf5_arrays(const std::filesystem::path& path, const std::string& below = "");

/// Refuses what stands in a file.  @throws ConfigError without the path
template <class... Values>
[[noreturn]] void refuse(fmt::format_string<Values...> what, Values&&... values) {
  throw ConfigError(fmt::format(what, std::forward<Values>(values)...));
}

/// A name as messages show it: quoted, on one line, not too long.
std::string in_quotes(std::string_view name);

/// Refuses a name that is empty, too long, or leads out of the file: "../x", "/x", "a\\b", control characters.
void check_name(const std::string& name);

/// Refuses more arrays than `limits::arrays`, and a name that is there already.
void add_array(ArrayList& list, ArrayHeader header);

/// The bytes of an array.  @throws ConfigError for too many axes, or when 62 bits do not hold their number
std::int64_t bytes_of(const ArrayHeader& header);

/// Refuses a packed file that unpacks to more than `limits` allow for its size.
void check_unpacked(std::uint64_t unpacked, std::uint64_t file_size);

}  // namespace flatsweep
