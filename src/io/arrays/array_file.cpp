#include "flatsweep/io/array_file.hpp"

#include "array_source.hpp"
#include "flatsweep/base/regular_file.hpp"
#include "npy_header.hpp"
#include "number_type.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

namespace flatsweep {

namespace {

constexpr std::string_view hdf5_mark = "\x89HDF\r\n\x1a\n", zip_mark = "PK\x03\x04", empty_zip_mark = "PK\x05\x06";

/// The file's name before what is wrong with it.
template <class Work>
decltype(auto) with_name(const std::filesystem::path& path, Work&& work) {
  try {
    return work();
  } catch (const ConfigError& error) {
    throw ConfigError(fmt::format("cannot read {}: {}", path.string(), error.what()));
  } catch (const IoError& error) {
    throw IoError(fmt::format("cannot read {}: {}", path.string(), error.what()));
  }
}

PosixFile open_given(const std::filesystem::path& path) {
  try {
    return open_to_read(path);
  } catch (const IoError& error) {
    refuse("{}; give the path of a file of arrays", error.what());
  }
}

bool has_mark(const PosixFile& file, std::uint64_t at, std::string_view mark) {
  if (size_of(file) < at + mark.size()) return false;
  std::string found(mark.size(), '\0');
  read_at(file, at, found.data(), found.size());
  return found == mark;
}

/// HDF5 looks for its mark at 0, 512, 1024, 2048, ...: a user's own block may stand before it.
bool is_hdf5(const PosixFile& file) {
  const auto size = size_of(file);
  for (std::uint64_t at = 0; at < size; at = std::max<std::uint64_t>(512, 2 * at))
    if (has_mark(file, at, hdf5_mark)) return true;
  return false;
}

std::unique_ptr<ArraySource> open_source(const std::filesystem::path& path) {
  auto file = open_given(path);
  if (size_of(file) == 0) refuse("it is empty; write it anew");
  if (has_mark(file, 0, npy_magic)) return open_npy(std::move(file));
  if (has_mark(file, 0, zip_mark) || has_mark(file, 0, empty_zip_mark)) return open_npz(std::move(file));
  if (has_mark(file, 0, "\x80\x02") || has_mark(file, 0, "\x80\x04"))
    if (!has_mark(file, 8, "{"))
      refuse("it is a Python pickle, which could run any code; save the arrays with safetensors or numpy.savez");
  if (has_mark(file, 8, "{")) return open_safetensors(std::move(file));
  if (is_hdf5(file)) return open_hdf5_arrays(path);
  if (size_of(file) < 9) refuse("its {} bytes are no file of arrays; write it anew", size_of(file));
  refuse("it is neither safetensors, .npy, .npz nor HDF5; convert it to one of these");
}

void check_request(const ArrayList& list, std::int64_t array, Range rows, std::size_t size) {
  if (array < 0 || array >= std::ssize(list.arrays))
    throw std::out_of_range(fmt::format("array {} of {}", array, list.arrays.size()));
  const auto& header = list.arrays[array];
  const bool there = rows.begin >= 0 && rows.begin <= rows.end && rows.end <= header.rows();
  if (!there || static_cast<std::int64_t>(size) != rows.size() * header.row_size())
    throw std::out_of_range(fmt::format("rows {} to {} of array '{}'", rows.begin, rows.end, header.name));
}

template <class T>
constexpr bool is_stored_as(NumberType type) {
  return (std::is_same_v<T, float> && type == NumberType::f32) ||
         (std::is_same_v<T, double> && type == NumberType::f64) ||
         (std::is_same_v<T, std::int64_t> && type == NumberType::i64) ||
         (std::is_same_v<T, std::uint8_t> && type == NumberType::u8);
}

template <class T>
void read_converted(ArraySource& source, std::size_t array, Range rows, std::span<T> out) {
  const auto& header = source.list().arrays[array];
  if (is_stored_as<T>(header.type)) return source.read(array, rows, std::as_writable_bytes(out));
  std::vector<std::byte> raw(out.size() * width_of(header.type));
  source.read(array, rows, raw);
  try {
    convert<T>(header.type, raw, out);
  } catch (const ConfigError& error) {
    refuse("array {}: {}", in_quotes(header.name), error.what());
  }
}

}  // namespace

std::int64_t ArrayHeader::count() const {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

std::int64_t ArrayHeader::rows() const { return shape.empty() ? 1 : shape.front(); }

std::int64_t ArrayHeader::row_size() const {
  if (shape.empty()) return 1;
  return std::accumulate(shape.begin() + 1, shape.end(), std::int64_t{1}, std::multiplies<>());
}

std::int64_t ArrayList::find(std::string_view name) const {
  const auto found = std::ranges::find(arrays, name, &ArrayHeader::name);
  return found == arrays.end() ? -1 : found - arrays.begin();
}

ArrayFile::ArrayFile(const std::filesystem::path& path)
    : path_(path), source_(with_name(path, [&] { return open_source(path); })) {}
ArrayFile::~ArrayFile() = default;
ArrayFile::ArrayFile(ArrayFile&& other) noexcept = default;
ArrayFile& ArrayFile::operator=(ArrayFile&& other) noexcept = default;

const ArrayList& ArrayFile::list() const { return source_->list(); }

template <class T>
void ArrayFile::read_rows(std::int64_t array, Range rows, std::span<T> out) const {
  check_request(list(), array, rows, out.size());
  with_name(path_, [&] { read_converted(*source_, array, rows, out); });
}

template <class T>
void ArrayFile::read(std::int64_t array, std::span<T> out) const {
  check_request(list(), array, {}, 0);
  read_rows(array, {0, list().arrays[array].rows()}, out);
}

ArrayList list_arrays(const std::filesystem::path& path) { return ArrayFile(path).list(); }

template <class Real>
NamedArrays<Real> read_arrays(const std::filesystem::path& path) {
  const ArrayFile file(path);
  NamedArrays<Real> result{{}, file.list().metadata};
  for (const auto& header : file.list().arrays) {
    std::vector<Real> values(header.count());
    file.read(std::ssize(result.arrays), std::span(values));
    result.arrays.push_back({header.name, header.shape, std::move(values)});
  }
  return result;
}

template void ArrayFile::read(std::int64_t, std::span<float>) const;
template void ArrayFile::read(std::int64_t, std::span<double>) const;
template void ArrayFile::read(std::int64_t, std::span<std::int64_t>) const;
template void ArrayFile::read(std::int64_t, std::span<std::uint8_t>) const;
template void ArrayFile::read_rows(std::int64_t, Range, std::span<float>) const;
template void ArrayFile::read_rows(std::int64_t, Range, std::span<double>) const;
template void ArrayFile::read_rows(std::int64_t, Range, std::span<std::int64_t>) const;
template void ArrayFile::read_rows(std::int64_t, Range, std::span<std::uint8_t>) const;
template NamedArrays<float> read_arrays(const std::filesystem::path& path);
template NamedArrays<double> read_arrays(const std::filesystem::path& path);

}  // namespace flatsweep
