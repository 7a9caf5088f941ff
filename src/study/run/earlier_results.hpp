#pragma once

#include "flatsweep/base/log.hpp"
#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/par/communicator.hpp"
#include "flatsweep/study/grid/config.hpp"
#include "flatsweep/study/plan/plan.hpp"
#include "flatsweep/study/store/run_identity.hpp"
#include "flatsweep/study/store/work_folder.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace flatsweep {

/// A finished run that is added to.
struct EarlierResults {
  std::filesystem::path file;  ///< results.h5
  const Config& config;        ///< that they were made with
};

/// That they can be added to: data and solver options are the same, and this build knows their layout. Serial.
/// @return the builds that made them, each with its machine  @throws ConfigError, IoError
[[nodiscard]] std::vector<std::string> check_earlier(const EarlierResults& earlier, const ImageDataset& data,
                                                     const std::string& solver_options);

/// Leaves in the folder of every unit that was finished then, known by its values on the axes, the files that its
/// stages would have left, as far as they are what `config` asks for, and are not there. What is left to do is then
/// what a run that was stopped has to do. Units are dealt over the ranks.
/// @param work  of the run that goes on   @note Collective over `world`.  @throws IoError, agreed
void restore_stages(const Communicator& world, const EarlierResults& earlier, const Config& config, const Plan& plan,
                    const RunIdentity& identity, const WorkFiles& work, Log& log);

/// Removes the stage files of these units that follow from something else than is asked for now: another configuration
/// was begun with. Serial.
void remove_outdated(const Config& config, const Plan& plan, const WorkFiles& work);

}  // namespace flatsweep
