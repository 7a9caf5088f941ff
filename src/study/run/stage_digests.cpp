#include "stage_digests.hpp"

#include "flatsweep/study/grid/config_lines.hpp"
#include "flatsweep/study/studies/studies.hpp"
#include "study/pool/cross_analysis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>

namespace flatsweep {

namespace {

template <class T>
std::string text_of_value(const T& value) {
  if constexpr (WordedEnum<T>)
    return std::string(to_string(value));
  else
    return fmt::format("{}", value);
}

/// Where the replica stands on the axes that its training depends on.
std::string place_on_axes(const Config& config, const Replica& replica) {
  std::string text;
  each_axis([&](const auto& axis) {
    if (axis.role != AxisRole::assumption && applies(axis.use, config))
      text += fmt::format("grid.{} = {}\n", axis.name, text_of_value(replica.*axis.value));
  });
  if (replica.model >= 0) text += config.model.found[replica.model].name + "\n";
  return text;
}

bool names(const std::vector<std::string>& keys, const ConfigLine& line) {
  return std::ranges::any_of(keys, [&](const auto& key) { return key == line.name || key == line.table; });
}

class StageTexts {
 public:
  StageTexts(const Config& config, const std::vector<WorkUnit>& units, const RunIdentity& identity)
      : study_(study_of(config)),
        lines_(config_lines(config.fingerprint)),
        end_(fmt::format("{}\n{}\n{}", identity.dataset_sha256, identity.solver_options, identity.models_sha256)) {
    for (const auto& line : lines_) training_.push_back(trains(config, line.table));
    for (const auto& unit : units) places_[unit.id] = place_on_axes(config, unit.replica);
  }

  [[nodiscard]] Digest digest(std::int64_t unit, std::string_view stage) const {
    if (unit == cross_unit) return digest_of(cross_text(std::string(stage)));
    const auto place = places_.find(unit);
    if (place == places_.end()) throw std::logic_error("no unit has this number");
    const auto keys =
        study_.follows_from == nullptr ? std::vector<std::string>{} : study_.follows_from(std::string(stage));
    return digest_of(lines_of(keys) + place->second + end_);
  }

 private:
  [[nodiscard]] std::string lines_of(const std::vector<std::string>& keys) const {
    std::string text;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      const auto& line = lines_[i];
      if (line.table == "grid" || is_axis_key(line.name)) continue;
      if (training_[i] || names(keys, line)) text += fmt::format("{} = {}\n", line.name, line.value);
    }
    return text;
  }

  /// All units go into a comparison: the whole grid stands there.
  [[nodiscard]] std::string cross_text(const std::string& stage) const {
    auto text = lines_of({"pca", stage.substr(0, stage.find('-'))});
    for (const auto& [unit, place] : places_) text += place;
    return text + end_;
  }

  const StudyKind& study_;
  std::vector<ConfigLine> lines_;
  std::vector<bool> training_;  // of each line
  std::map<std::int64_t, std::string> places_;
  std::string end_;
};

}  // namespace

bool trains(const Config& config, const std::string& table) {
  const auto& study = study_of(config);
  if (study.analysis_tables == nullptr) return true;
  const auto tables = study.analysis_tables();
  if (std::ranges::find(tables, table) != tables.end()) return false;
  return std::ranges::none_of(cross_analyses(), [&](const auto& analysis) { return analysis.name == table; });
}

RunDigests stage_digests(const Config& config, const std::vector<WorkUnit>& units, const RunIdentity& identity) {
  const auto texts = std::make_shared<const StageTexts>(config, units, identity);
  return [texts](std::int64_t unit, std::string_view stage) { return texts->digest(unit, stage); };
}

}  // namespace flatsweep
