#include "array_source.hpp"
#include "flatsweep/base/limits.hpp"
#include "flatsweep/io/safetensors.hpp"
#include "io/posix_file.hpp"

#include <nlohmann/json.hpp>

#include <bit>

namespace flatsweep {

namespace {

static_assert(std::endian::native == std::endian::little, "numbers are written as they stand in memory");

std::span<const std::byte> bytes_of_values(const ArrayView& array) {
  return std::visit([](auto values) { return std::as_bytes(values); }, array.values);
}

ArrayHeader header_of(const ArrayView& array) {
  const bool single = std::holds_alternative<std::span<const float>>(array.values);
  return {array.name, array.shape, single ? NumberType::f32 : NumberType::f64};
}

/// Refuses what the reader would refuse.
void check_array(const ArrayView& array) {
  check_name(array.name);
  const std::size_t expected = bytes_of(header_of(array));
  if (const auto given = bytes_of_values(array).size(); given != expected)
    refuse("array {} has {} bytes, and shape ({}) takes {}", in_quotes(array.name), given, fmt::join(array.shape, ", "),
           expected);
}

std::string header_text(std::span<const ArrayView> arrays, const std::map<std::string, std::string>& metadata) {
  auto header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t begin = 0;
  for (const auto& array : arrays) {
    check_array(array);
    if (header.contains(array.name)) refuse("array {} is there twice", in_quotes(array.name));
    const auto end = begin + bytes_of_values(array).size();
    header[array.name] = {
        {"dtype", to_string(header_of(array).type)}, {"shape", array.shape}, {"data_offsets", {begin, end}}};
    begin = end;
  }
  auto text = header.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > limits::safetensors_header_bytes) refuse("its header takes {} bytes", text.size());
  return text;
}

std::uint64_t append(const PartialFile& file, std::uint64_t at, std::span<const std::byte> bytes) {
  file.write(bytes, at);
  return at + bytes.size();
}

void write_all(const PartialFile& file, const std::string& header, std::span<const ArrayView> arrays) {
  const std::uint64_t length = header.size();
  auto at = append(file, 0, std::as_bytes(std::span(&length, 1)));
  at = append(file, at, std::as_bytes(std::span(header)));
  for (const auto& array : arrays) at = append(file, at, bytes_of_values(array));
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, std::span<const ArrayView> arrays,
                       const std::map<std::string, std::string>& metadata, const FileOwner& owner) {
  with_path("cannot write", path, [&] {
    try {
      const auto header = header_text(arrays, metadata);
      PartialFile partial(path);
      write_all(partial, header, arrays);
      partial.publish(owner.still_ours);
    } catch (const ConfigError& error) {
      throw IoError(error.what());
    }
  });
}

}  // namespace flatsweep
