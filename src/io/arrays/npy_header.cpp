#include "npy_header.hpp"

#include "array_source.hpp"
#include "flatsweep/base/limits.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <set>
#include <string>

namespace flatsweep {

namespace {

[[noreturn]] void not_numpy(std::string_view expected, std::string_view rest) {
  refuse("its header has {} where {} is expected; write it with numpy.save", in_quotes(rest), expected);
}

/// Reads the one dictionary that NumPy writes, not Python.
class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  bool accept(std::string_view token) {
    skip_spaces();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  void expect(std::string_view token) {
    if (!accept(token)) not_numpy(fmt::format("'{}'", token), rest_);
  }
  std::string text() {
    const char quote = accept("'") ? '\'' : '"';
    if (quote == '"') expect("\"");
    const auto end = rest_.find(quote);
    if (end == std::string_view::npos) not_numpy("a text in quotes", rest_);
    std::string value(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return value;
  }
  bool truth() {
    if (accept("True")) return true;
    expect("False");
    return false;
  }
  std::vector<std::int64_t> shape() {
    std::vector<std::int64_t> lengths;
    expect("(");
    while (!accept(")")) {
      lengths.push_back(number());
      if (!accept(",")) {
        expect(")");
        if (lengths.size() == 1) not_numpy("a list with a comma", rest_);
        break;
      }
    }
    return lengths;
  }
  void end() {
    skip_spaces();
    if (!rest_.empty()) not_numpy("its end", rest_);
  }

 private:
  void skip_spaces() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \n"), rest_.size())); }
  std::int64_t number() {
    skip_spaces();
    std::int64_t value = -1;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc() || value < 0) not_numpy("a length", rest_);
    rest_.remove_prefix(end - rest_.data());
    return value;
  }
  std::string_view rest_;
};

struct Element {
  std::string_view name;
  NumberType type;
};
constexpr std::array<Element, 6> elements = {{{"f2", NumberType::f16},
                                              {"f4", NumberType::f32},
                                              {"f8", NumberType::f64},
                                              {"u1", NumberType::u8},
                                              {"i4", NumberType::i32},
                                              {"i8", NumberType::i64}}};

void take_type(const std::string& description, NpyHeader& header) {
  if (description.find('O') != std::string::npos)
    refuse("it holds pickled Python objects, which could run any code; save an array of numbers");
  const auto order = description.substr(0, 1);
  const auto* known = std::ranges::find(elements, std::string_view(description).substr(order.size()), &Element::name);
  const bool one_byte = known != elements.end() && known->type == NumberType::u8;
  if (known == elements.end() || !(order == "<" || order == ">" || (order == "|" && one_byte)))
    refuse("its elements are {}, and only f2, f4, f8, u1, i4 and i8 are read; convert it with astype",
           in_quotes(description));
  header.array.type = known->type;
  header.bytes = order == ">" ? ByteOrder::big : ByteOrder::little;
}

void take_entry(Parser& parser, const std::string& key, NpyHeader& header) {
  if (key == "descr")
    take_type(parser.text(), header);
  else if (key == "fortran_order")
    header.order = parser.truth() ? ElementOrder::column_major : ElementOrder::row_major;
  else
    header.array.shape = parser.shape();
}

}  // namespace

NpyHeader parse_npy_dictionary(std::string_view text) {
  NpyHeader header;
  Parser parser(text);
  std::set<std::string> missing{"descr", "fortran_order", "shape"};
  parser.expect("{");
  while (!parser.accept("}")) {
    const auto key = parser.text();
    if (missing.erase(key) == 0) not_numpy("each of descr, fortran_order and shape once", key);
    parser.expect(":");
    take_entry(parser, key, header);
    if (!parser.accept(",")) {
      parser.expect("}");
      break;
    }
  }
  parser.end();
  if (!missing.empty()) not_numpy(*missing.begin(), "an end");
  (void)bytes_of(header.array);
  return header;
}

NpyHeader read_npy_header(const std::function<void(std::span<std::byte>)>& read) {
  std::array<char, 8> start{};
  read(std::as_writable_bytes(std::span(start)));
  if (std::string_view(start.data(), npy_magic.size()) != npy_magic) refuse("it is no array of numpy.save");
  const int version = static_cast<unsigned char>(start[6]);
  if (version < 1 || version > 3 || start[7] != 0)
    refuse("it has version {}.{} of the format, and 1.0 to 3.0 are read; write it with numpy.save", version,
           static_cast<unsigned char>(start[7]));
  std::uint32_t length = 0;
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  read(std::as_writable_bytes(std::span(&length, 1)).first(length_bytes));
  if (length > limits::npy_header_bytes)
    refuse("its header would take {} bytes, and {} are the most; the file is damaged", length,
           limits::npy_header_bytes);
  std::string text(length, '\0');
  read(std::as_writable_bytes(std::span(text)));
  auto header = parse_npy_dictionary(text);
  header.data = start.size() + length_bytes + length;
  return header;
}

void turn_bytes(std::span<std::byte> numbers, std::int64_t width) {
  const std::size_t size = width;
  for (std::size_t i = 0; i + size <= numbers.size(); i += size) std::ranges::reverse(numbers.subspan(i, size));
}

void take_rows(const ArrayHeader& array, std::span<const std::byte> raw, Range rows, std::span<std::byte> out) {
  const auto axes = array.shape.size();
  const auto width = width_of(array.type);
  std::vector<std::int64_t> stride(axes, width), index(axes, 0);  // of column-major elements, in bytes
  for (std::size_t axis = 1; axis < axes; ++axis) stride[axis] = stride[axis - 1] * array.shape[axis - 1];
  if (axes > 0) index[0] = rows.begin;
  for (std::size_t done = 0; done < out.size(); done += width) {
    std::int64_t at = 0;
    for (std::size_t axis = 0; axis < axes; ++axis) at += index[axis] * stride[axis];
    std::memcpy(out.data() + done, raw.data() + at, width);
    for (std::size_t axis = axes; axis-- > 0;) {
      if (++index[axis] < array.shape[axis]) break;
      index[axis] = 0;
    }
  }
}

}  // namespace flatsweep
