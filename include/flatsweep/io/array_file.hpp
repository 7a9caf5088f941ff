#pragma once

#include "flatsweep/par/communicator.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flatsweep {

/// How the numbers of an array made elsewhere are stored.
enum class NumberType { f16, bf16, f32, f64, u8, i32, i64 };

/// "F32", as safetensors names it.
[[nodiscard]] std::string_view to_string(NumberType type);
/// Bytes of one number.
[[nodiscard]] std::int64_t width_of(NumberType type);

/// What stands before the numbers of one array.
struct ArrayHeader {
  std::string name;
  std::vector<std::int64_t> shape;  ///< each length 0 or more; none for a single number
  NumberType type = NumberType::f32;

  [[nodiscard]] std::int64_t count() const;
  [[nodiscard]] std::int64_t rows() const;      ///< indices of the first axis; 1 for a single number
  [[nodiscard]] std::int64_t row_size() const;  ///< numbers in one of them
};

/// The arrays of a file, in the order of the file, no name twice, and the texts that it keeps beside them.
struct ArrayList {
  std::vector<ArrayHeader> arrays;
  std::map<std::string, std::string> metadata;

  /// The place of an array in `arrays`; -1 where there is none of that name.
  [[nodiscard]] std::int64_t find(std::string_view name) const;
};

class ArraySource;

/// An open file of arrays made elsewhere: safetensors, NumPy's .npy and .npz, or HDF5, told apart by their contents,
/// whatever the name. Opening reads the headers alone. Nothing in the file is believed before it is tested, and nothing
/// in it is run: see docs/limits.md.
///
/// A .npy file holds one array named "". In .npz the names lack ".npy". In HDF5 a name is a path without a leading
/// slash ("model/fc1"), data sets that hold no numbers are left out, and the metadata are the root's attributes.
///
/// Errors name the file. ConfigError: it is none of these or not as its format demands. IoError: it cannot be read.
class ArrayFile {
 public:
  explicit ArrayFile(const std::filesystem::path& path);
  ~ArrayFile();
  ArrayFile(ArrayFile&& other) noexcept;
  ArrayFile& operator=(ArrayFile&& other) noexcept;
  ArrayFile(const ArrayFile&) = delete;
  ArrayFile& operator=(const ArrayFile&) = delete;

  [[nodiscard]] const ArrayList& list() const;

  /// Numbers of one array in row-major order, whatever the order in the file. T is float or double (of any stored
  /// type), std::int64_t (of whole numbers) or std::uint8_t (of bytes). Infinities and NaN are read as they are.
  /// @param array  its place in `list().arrays`  @param out (count(),)
  /// @throws ConfigError, IoError; also for a number that T cannot hold
  template <class T>
  void read(std::int64_t array, std::span<T> out) const;

  /// The same for some indices of the first axis.   @param out (rows.size() * row_size(),)
  template <class T>
  void read_rows(std::int64_t array, Range rows, std::span<T> out) const;

 private:
  std::filesystem::path path_;
  std::unique_ptr<ArraySource> source_;
};

/// One array in memory, row-major.
template <class Real>
struct NamedArray {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<Real> values;
};

template <class Real>
struct NamedArrays {
  std::vector<NamedArray<Real>> arrays;
  std::map<std::string, std::string> metadata;
};

/// Headers alone.   @throws as ArrayFile
[[nodiscard]] ArrayList list_arrays(const std::filesystem::path& path);

/// All of a file, as float or double.   @throws as ArrayFile
template <class Real>
[[nodiscard]] NamedArrays<Real> read_arrays(const std::filesystem::path& path);

}  // namespace flatsweep
