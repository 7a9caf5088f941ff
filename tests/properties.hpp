#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdint>
#include <cstdlib>
#include <random>
#include <sstream>
#include <string>
#include <utility>

namespace flatsweep {

/// FLATSWEEP_PROPERTY_FACTOR, which `tools/test --full` sets: how many times more cases each property is checked on.
inline int property_factor() {
  const char* factor = std::getenv("FLATSWEEP_PROPERTY_FACTOR");
  return factor == nullptr ? 1 : std::atoi(factor);
}

/// Checks `property`, a function of random arguments that states with RC_ASSERT what must hold, on `cases` cases. They
/// are the same ones in every run and on every rank; a failure names the smallest case that RapidCheck finds.
/// @note A collective property must fail on all ranks or on none: each rank looks for the smallest case by itself.
template <class Property>
void check_property(int cases, Property&& property) {
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  rc::detail::TestMetadata metadata;
  metadata.id = std::string(info->test_suite_name()) + "/" + info->name();
  metadata.description = info->name();
  rc::detail::TestParams params;
  params.seed = 1;
  params.maxSuccess = cases * property_factor();
  const auto result = rc::detail::checkTestable(std::forward<Property>(property), metadata, params);
  if (result.template is<rc::detail::SuccessResult>()) return;
  std::ostringstream message;
  rc::detail::printResultMessage(result, message);
  ADD_FAILURE() << message.str();
}

/// Real numbers from `low` to `high`, evenly spread; they shrink towards `low`.
inline rc::Gen<double> real_between(double low, double high) {
  constexpr int steps = 1 << 30;
  return rc::gen::map(rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, steps + 1)),
                      [=](int step) { return low + (high - low) * step / steps; });
}

/// A source of many numbers at once: RapidCheck takes microseconds for each of its own, so that they can be shrunk.
inline std::mt19937 any_engine() { return std::mt19937(*rc::gen::arbitrary<std::uint32_t>()); }

/// Any bytes, 0 included.
inline rc::Gen<std::string> any_bytes() {
  const auto byte = rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, 256));
  return rc::gen::container<std::string>(rc::gen::map(byte, [](int value) { return static_cast<char>(value); }));
}

}  // namespace flatsweep
