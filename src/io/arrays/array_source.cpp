#include "array_source.hpp"

#include "flatsweep/base/limits.hpp"
#include "flatsweep/base/text.hpp"

#include <algorithm>

namespace flatsweep {

namespace {

constexpr const char* name_rule = "a name is a path within the file, without '..', '\\' and control characters";

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

bool leads_out(std::string_view name) {
  if (name.front() == '/' || name.back() == '/') return true;
  for (std::size_t begin = 0; begin <= name.size();) {
    const auto end = std::min(name.find('/', begin), name.size());
    const auto part = name.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace

std::string in_quotes(std::string_view name) { return "'" + printable(shortened(name, limits::shown_bytes)) + "'"; }

void check_name(const std::string& name) {
  if (name.empty()) refuse("an array has no name; give it one");
  if (name == "__metadata__") refuse("an array cannot be named '__metadata__', as safetensors names its texts");
  const bool odd = std::ranges::any_of(name, is_control) || name.find('\\') != std::string::npos;
  if (odd || name.size() > limits::text_bytes || leads_out(name))
    refuse("an array cannot be named {}: {}; name it otherwise", in_quotes(name), name_rule);
}

void add_array(ArrayList& list, ArrayHeader header) {
  if (list.arrays.size() == limits::arrays)
    refuse("it holds more than {} arrays, the most that are read; write what belongs to one model into one file",
           limits::arrays);
  list.arrays.push_back(std::move(header));
}

std::int64_t bytes_of(const ArrayHeader& header) {
  if (header.shape.size() > limits::axes)
    refuse("array {} has {} axes; at most {} are read", in_quotes(header.name), header.shape.size(), limits::axes);
  constexpr std::int64_t most = std::int64_t{1} << 62;
  std::int64_t bytes = width_of(header.type);
  for (const auto length : header.shape) {
    const auto factor = std::max<std::int64_t>(length, 1);  // so that a 0 among the lengths hides no others
    if (length < 0 || bytes > most / factor)
      refuse("array {} of shape ({}) is larger than any file; the file is damaged", in_quotes(header.name),
             fmt::join(header.shape, ", "));
    bytes *= factor;
  }
  return header.count() == 0 ? 0 : bytes;
}

void check_unpacked(std::uint64_t unpacked, std::uint64_t file_size) {
  if (unpacked <= std::max(limits::unpacked_bytes, file_size * limits::unpacked_ratio)) return;
  refuse(
      "its {} bytes would unpack to {} bytes or more, beyond {} times as many and more than {} MiB; write it without "
      "compression",
      file_size, unpacked, limits::unpacked_ratio, limits::unpacked_bytes >> 20);
}

}  // namespace flatsweep
