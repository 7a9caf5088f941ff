#include "safetensors_header.hpp"

#include "array_source.hpp"
#include "flatsweep/base/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <set>

namespace flatsweep {

namespace {

using Json = nlohmann::json;

constexpr const char* form = R"("name": {"dtype": "F32", "shape": [...], "data_offsets": [begin, end]})";

constexpr std::size_t most_numbers = 64;  // of one list

[[noreturn]] void not_the_form(const std::string& where) {
  refuse("its header has something else than {} at {}; write the file anew", form, where);
}

NumberType type_named(const std::string& dtype, const std::string& array) {
  for (const auto type : {NumberType::f16, NumberType::bf16, NumberType::f32, NumberType::f64})
    if (to_string(type) == dtype) return type;
  refuse("array {} holds {}, and only F16, BF16, F32 and F64 are read; leave it out or convert it", in_quotes(array),
         in_quotes(dtype));
}

/// Takes the events of the parser one by one: no value of the text is kept but those that the format has, so memory
/// stays in proportion to the text, and nothing is nested deeper than the format has it.
class Events final : public nlohmann::json_sax<Json> {
 public:
  SafetensorsHeader take() { return std::move(header_); }

  bool null() override { unexpected(); }
  bool boolean(bool) override { unexpected(); }
  bool number_integer(number_integer_t) override { unexpected(); }
  bool number_float(number_float_t, const string_t&) override { unexpected(); }
  bool binary(binary_t&) override { unexpected(); }

  bool number_unsigned(number_unsigned_t value) override {
    const bool wanted = state_ == State::list && numbers_.size() < most_numbers;
    if (!wanted || value > std::numeric_limits<std::int64_t>::max()) unexpected();
    numbers_.push_back(value);
    return true;
  }
  bool string(string_t& value) override {
    if (state_ == State::metadata)
      header_.list.metadata[key_] = std::move(value);
    else if (state_ == State::array && key_ == "dtype")
      array_.type = type_named(value, array_.name);
    else
      unexpected();
    return true;
  }
  bool key(string_t& name) override {
    key_ = name;
    if (!keys_[state_ == State::file ? 0 : 1].insert(name).second)
      refuse("its header has {} twice; the file is damaged", in_quotes(name));
    return true;
  }
  bool start_object(std::size_t) override {
    if (state_ == State::before)
      state_ = State::file;
    else if (state_ == State::file)
      begin_entry();
    else
      unexpected();
    return true;
  }
  bool end_object() override {
    if (state_ == State::array) end_array_entry();
    state_ = state_ == State::file ? State::after : State::file;
    return true;
  }
  bool start_array(std::size_t) override {
    if (state_ != State::array || (key_ != "shape" && key_ != "data_offsets")) unexpected();
    numbers_.clear();
    state_ = State::list;
    return true;
  }
  bool end_array() override {
    state_ = State::array;
    if (key_ == "shape") array_.shape.assign(numbers_.begin(), numbers_.end());
    if (key_ == "data_offsets" && numbers_.size() != 2) unexpected();
    if (key_ == "data_offsets") place_ = {numbers_[0], numbers_[1]};
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
    refuse("its header is no JSON text from byte {} on; it is cut short, damaged, or no safetensors file", position);
  }

 private:
  enum class State { before, file, metadata, array, list, after };

  [[noreturn]] void unexpected() const { not_the_form(in_quotes(array_.name.empty() ? key_ : array_.name)); }
  void begin_entry() {
    keys_[1].clear();
    state_ = key_ == "__metadata__" ? State::metadata : State::array;
    if (state_ == State::metadata) return;
    check_name(key_);
    array_ = {};
    array_.name = key_;
  }
  void end_array_entry() {
    if (keys_[1] != std::set<std::string>{"dtype", "shape", "data_offsets"}) unexpected();
    header_.places.push_back(place_);
    add_array(header_.list, std::move(array_));
    array_ = {};
  }

  SafetensorsHeader header_;
  State state_ = State::before;
  std::string key_;
  std::array<std::set<std::string>, 2> keys_;  // of the file, and of the entry at work
  ArrayHeader array_;                          // at work
  SafetensorsHeader::Place place_;
  std::vector<std::uint64_t> numbers_;
};

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json) {
  if (!json.starts_with('{')) refuse("its header does not begin with '{{'; it is no safetensors file");
  Events events;
  Json::sax_parse(json.begin(), json.end(), &events);
  return events.take();
}

}  // namespace flatsweep
