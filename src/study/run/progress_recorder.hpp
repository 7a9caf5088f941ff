#pragma once

#include "flatsweep/par/communicator.hpp"
#include "flatsweep/study/plan/plan.hpp"
#include "flatsweep/study/store/progress_file.hpp"
#include "flatsweep/study/store/work_folder.hpp"
#include "flatsweep/study/unit/unit_status.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace flatsweep {

/// What one rank adds to progress.csv: a line for every epoch that has none yet, for every stage that begins, and now
/// and then within a long one.
class ProgressRecorder {
 public:
  /// @param warn  is told once where no more can be written
  /// @note Collective over `world`: rank 0 reads what an earlier job has left, and says that this one begins.
  ProgressRecorder(const Communicator& world, const std::filesystem::path& output,
                   std::function<void(const std::string&)> warn);

  void begin_unit(std::int64_t unit);
  /// @param done of all that the unit in hand takes
  void stage(std::string_view stage, double fraction, double done);
  void epoch(std::string_view stage, double fraction, double done, std::int64_t epoch, const EpochRecord& record);
  void end_unit(UnitStatus status);
  /// Of the whole job, for rank 0 to call.   @param done of its work
  void job(std::string_view stage, double fraction, double done);

 private:
  struct Recorded {
    std::int64_t epoch = 0;  // the latest one that has a line
    bool ended = false;      // the last line says how the unit came out
  };

  void read(const std::filesystem::path& output);
  void share(const Communicator& world);
  void append(ProgressLine line);

  ProgressFile file_;
  std::function<void(const std::string&)> warn_;
  std::map<std::int64_t, Recorded> recorded_;  // by the unit's number
  std::int64_t unit_ = ProgressLine::job;
  std::string last_stage_;
  double last_time_ = 0.0;
  bool told_ = false;  // that no more can be written
};

/// OUTPUT/work/plan.csv: what the job of this folder works on.
struct PlannedUnit {
  std::int64_t unit = 0;      ///< number of its first replica
  std::int64_t replicas = 1;  ///< that share it
  double share = 0.0;         ///< of the whole work, as expected
};

/// Serial.  @throws IoError
void write_planned_units(const WorkFiles& work, const Plan& plan);
/// Serial.  @return nothing where there is no such file  @throws IoError
[[nodiscard]] std::vector<PlannedUnit> read_planned_units(const std::filesystem::path& work);

}  // namespace flatsweep
