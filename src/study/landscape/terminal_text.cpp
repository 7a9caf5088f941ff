#include "terminal_text.hpp"

#include <fmt/format.h>

#include <cmath>

namespace flatsweep {

std::string shown(double value, int digits) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : std::string("-");
}

namespace {

/// "4.22 (4.15-4.29)"; marked where the interval is not over seeds.
std::string with_interval(const Exponent& psi) {
  const char* to = psi.low < 0.0 ? " to " : "-";
  const char* mark = psi.interval == Interval::within_seeds ? scatter_mark : "";
  return fmt::format("{:.2f} ({:.2f}{}{:.2f}){}", psi.value, psi.low, to, psi.high, mark);
}

}  // namespace

std::string in_words(const Exponent& psi) {
  if (psi.status == FitStatus::not_measured) return "-";
  if (!std::isfinite(psi.value)) return fmt::format("- ({}: {})", to_string(psi.status), psi.points);
  return fmt::format("{}, n = {}, seeds {}", with_interval(psi), psi.points / psi.seeds, psi.seeds);
}

}  // namespace flatsweep
