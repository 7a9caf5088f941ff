#include "array_source.hpp"
#include "flatsweep/base/limits.hpp"
#include "safetensors_header.hpp"

#include <algorithm>
#include <numeric>

namespace flatsweep {

namespace {

using Place = SafetensorsHeader::Place;

/// The text and the size of the length before it.
std::string read_header(const PosixFile& file, std::uint64_t size) {
  std::uint64_t length = 0;
  if (size < sizeof length) refuse("its {} bytes are no safetensors file", size);
  read_at(file, 0, &length, sizeof length);
  if (length > limits::safetensors_header_bytes)
    refuse("it is no safetensors file: its header would take {} bytes, and {} are the most", length,
           limits::safetensors_header_bytes);
  if (length > size - sizeof length)
    refuse("it is cut short: its header takes {} bytes, and the file has {}; copy it again", length, size);
  std::string text(length, '\0');
  read_at(file, sizeof length, text.data(), length);
  return text;
}

void check_size(const ArrayHeader& array, const Place& place) {
  const std::uint64_t bytes = bytes_of(array);
  if (place.begin > place.end || place.end - place.begin != bytes)
    refuse("array {} of shape ({}) and type {} takes {} bytes, and its place is [{}, {}); the file is damaged",
           in_quotes(array.name), fmt::join(array.shape, ", "), to_string(array.type), bytes, place.begin, place.end);
}

/// As the format's own library: one array after another, without holes, to the end of the file.
void check_places(const SafetensorsHeader& header, std::uint64_t data_bytes) {
  std::vector<std::size_t> order(header.places.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {},
                           [&](std::size_t i) { return std::pair(header.places[i].begin, header.places[i].end); });
  std::uint64_t end = 0;
  for (const auto i : order) {
    const auto& place = header.places[i];
    const auto name = in_quotes(header.list.arrays[i].name);
    if (place.begin < end)
      refuse("array {} begins at {}, within the one before, which ends at {}; the file is damaged", name, place.begin,
             end);
    if (place.begin > end)
      refuse("array {} begins at {}, and the one before ends at {}: the format has no holes; write it anew", name,
             place.begin, end);
    end = place.end;
    if (end > data_bytes)
      refuse("array {} ends at {}, and the file has {} bytes of data; it is cut short, copy it again", name, end,
             data_bytes);
  }
  if (end != data_bytes)
    refuse("its arrays take {} bytes, and the file has {} bytes of data; write it anew", end, data_bytes);
}

class Safetensors final : public ArraySource {
 public:
  explicit Safetensors(PosixFile file) : file_(std::move(file)) {
    const auto size = size_of(file_);
    const auto text = read_header(file_, size);
    auto header = parse_safetensors_header(text);
    data_ = sizeof(std::uint64_t) + text.size();
    for (std::size_t i = 0; i < header.places.size(); ++i) check_size(header.list.arrays[i], header.places[i]);
    check_places(header, size - data_);
    list_ = std::move(header.list);
    places_ = std::move(header.places);
  }

  void read(std::size_t array, Range rows, std::span<std::byte> out) override {
    const auto& header = list_.arrays[array];
    const std::uint64_t before = rows.begin * header.row_size() * width_of(header.type);
    read_at(file_, data_ + places_[array].begin + before, out.data(), out.size());
  }

 private:
  PosixFile file_;
  std::uint64_t data_ = 0;  // where the arrays begin
  std::vector<Place> places_;
};

}  // namespace

std::unique_ptr<ArraySource> open_safetensors(PosixFile file) { return std::make_unique<Safetensors>(std::move(file)); }

}  // namespace flatsweep
