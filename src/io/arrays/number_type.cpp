#include "number_type.hpp"

#include "array_source.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <type_traits>

namespace flatsweep {

namespace {

static_assert(std::endian::native == std::endian::little, "numbers in files are read as they stand there");

// Exact: single precision holds every half one.
float from_half(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000U) << 16, exponent = bits >> 10 & 0x1FU, fraction = bits & 0x3FFU;
  if (exponent == 0) return std::copysign(static_cast<float>(fraction) * 0x1p-24F, sign != 0 ? -1.0F : 1.0F);
  const std::uint32_t wide = exponent == 0x1F ? 0xFFU : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

float from_bfloat(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

template <class Stored>
Stored load(std::span<const std::byte> raw, std::size_t index) {
  Stored value;
  std::memcpy(&value, raw.data() + index * sizeof value, sizeof value);
  return value;
}

template <class T>
T narrowed(double value) {
  const auto result = static_cast<T>(value);
  if (std::isinf(result) && !std::isinf(value)) refuse("{} is beyond single precision; store smaller numbers", value);
  return result;
}

template <class Stored, class T, class Decode>
void convert_with(std::span<const std::byte> raw, std::span<T> out, Decode decode) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = decode(load<Stored>(raw, i));
}

template <class T>
constexpr auto widened = [](auto value) { return static_cast<T>(value); };

template <class T>
void convert_to_real(NumberType type, std::span<const std::byte> raw, std::span<T> out) {
  switch (type) {
    case NumberType::f16:
      return convert_with<std::uint16_t>(raw, out, from_half);
    case NumberType::bf16:
      return convert_with<std::uint16_t>(raw, out, from_bfloat);
    case NumberType::f32:
      return convert_with<float>(raw, out, widened<T>);
    case NumberType::f64:
      return convert_with<double>(raw, out, narrowed<T>);
    case NumberType::u8:
      return convert_with<std::uint8_t>(raw, out, widened<T>);
    case NumberType::i32:
      return convert_with<std::int32_t>(raw, out, widened<T>);
    case NumberType::i64:
      return convert_with<std::int64_t>(raw, out, widened<T>);
  }
}

void convert_to_whole(NumberType type, std::span<const std::byte> raw, std::span<std::int64_t> out) {
  switch (type) {
    case NumberType::u8:
      return convert_with<std::uint8_t>(raw, out, widened<std::int64_t>);
    case NumberType::i32:
      return convert_with<std::int32_t>(raw, out, widened<std::int64_t>);
    case NumberType::i64:
      return convert_with<std::int64_t>(raw, out, widened<std::int64_t>);
    default:
      refuse("it holds {}, and whole numbers are needed; store it as int64", to_string(type));
  }
}

void convert_to_bytes(NumberType type, std::span<const std::byte> raw, std::span<std::uint8_t> out) {
  if (type != NumberType::u8) refuse("it holds {}, and bytes are needed; store it as uint8", to_string(type));
  if (!out.empty()) std::memcpy(out.data(), raw.data(), out.size());
}

}  // namespace

std::string_view to_string(NumberType type) {
  switch (type) {
    case NumberType::f16:
      return "F16";
    case NumberType::bf16:
      return "BF16";
    case NumberType::f32:
      return "F32";
    case NumberType::f64:
      return "F64";
    case NumberType::u8:
      return "U8";
    case NumberType::i32:
      return "I32";
    case NumberType::i64:
      return "I64";
  }
  return "?";
}

std::int64_t width_of(NumberType type) {
  switch (type) {
    case NumberType::u8:
      return 1;
    case NumberType::f16:
    case NumberType::bf16:
      return 2;
    case NumberType::f32:
    case NumberType::i32:
      return 4;
    case NumberType::f64:
    case NumberType::i64:
      return 8;
  }
  return 8;
}

template <class T>
void convert(NumberType type, std::span<const std::byte> raw, std::span<T> out) {
  if constexpr (std::is_floating_point_v<T>)
    convert_to_real(type, raw, out);
  else if constexpr (std::is_same_v<T, std::int64_t>)
    convert_to_whole(type, raw, out);
  else
    convert_to_bytes(type, raw, out);
}
template void convert(NumberType, std::span<const std::byte>, std::span<float>);
template void convert(NumberType, std::span<const std::byte>, std::span<double>);
template void convert(NumberType, std::span<const std::byte>, std::span<std::int64_t>);
template void convert(NumberType, std::span<const std::byte>, std::span<std::uint8_t>);

}  // namespace flatsweep
