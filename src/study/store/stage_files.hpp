#pragma once

#include "flatsweep/base/error.hpp"
#include "flatsweep/io/durable_file.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/study/store/work_folder.hpp"

#include <string>
#include <utility>

// Files that one stage leaves and another reads.
namespace flatsweep {

/// Whether a stage's file is there and whole, the same on every rank. Collective over `team`.
[[nodiscard]] inline bool have_stage(const Communicator& team, const UnitFolder& folder, const std::string& stage,
                                     const ContentCheck& check = {}) {
  bool found = false;
  on_root(team, [&] { found = folder.read(stage, check).has_value(); });
  return team.any(found);
}

/// @throws DamagedFile where the group <analysis>/<layer> is not there
[[nodiscard]] inline const Group& analysis_group(const Group& tree, const std::string& analysis,
                                                 const std::string& layer) {
  return tree.subgroup(analysis + "/" + layer);
}

/// That group of the file which an analysis of one layer leaves. Serial.  @throws IoError
[[nodiscard]] inline Group read_analysis(const UnitFolder& folder, const std::string& analysis,
                                         const std::string& layer) {
  auto tree = folder.require(analysis + "-" + layer);
  (void)analysis_group(tree, analysis, layer);
  return std::move(tree.group(analysis + "/" + layer));
}

}  // namespace flatsweep
