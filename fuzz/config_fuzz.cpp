// The whole way from the text of a configuration to its plan. It ends in a ConfigError or in a plan that makes sense.
#include "flatsweep/app/config_file.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/study/plan/plan.hpp"
#include "fuzz.hpp"

#include <cmath>

namespace flatsweep {
namespace {

constexpr std::string_view set_mark = "--set ";

/// Leading lines "--set table.key=value" are what the command line gives.
std::vector<std::string> take_assignments(std::string_view& text) {
  std::vector<std::string> assignments;
  while (text.starts_with(set_mark)) {
    const auto line = text.substr(0, text.find('\n'));
    assignments.emplace_back(line.substr(set_mark.size()));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return assignments;
}

/// What is written beside the results is read as the same configuration.
void check_resolved(const Config& config) {
  const auto again = parse_config(config.resolved, "resolved.toml");
  require(again.resolved == config.resolved, "the resolved configuration reads as another one");
  require(again.fingerprint == config.fingerprint, "the resolved configuration has another fingerprint");
}

void check_plan(Config config) {
  config.data.root = FLATSWEEP_SOURCE_DIR "/data";
  config.data.name = "mnist-sample";
  const auto plan = make_plan(config, 3, 50.0);
  for (const double number : {plan.seconds, plan.bytes_per_rank, plan.output_bytes})
    require(std::isfinite(number) && number > 0.0, "the plan's estimates are no positive numbers");
  require(plan.unit_of.size() == plan.replicas.size() && plan.drawn.size() == plan.units.size(),
          "the plan leaves replicas out");
  for (const auto& line : describe_plan(config, plan)) require(!line.empty(), "the plan has an empty line");
}

}  // namespace
}  // namespace flatsweep

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace flatsweep;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto assignments = take_assignments(text);
    const auto config = parse_config(text, "fuzz.toml", assignments);
    check_resolved(config);
    check_plan(config);
  } catch (const ConfigError& error) {
    require(*error.what() != '\0', "an error says nothing");
  }
  return 0;
}
