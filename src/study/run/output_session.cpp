#include "output_session.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/peak_memory.hpp"
#include "flatsweep/io/results_file.hpp"
#include "flatsweep/par/agreement.hpp"
#include "study/store/machine.hpp"

#include <fmt/format.h>

#include <utility>

namespace flatsweep {

namespace {

/// Whether a text of a results file, where it has one, is another.
bool differs(const Group* group, const char* name, const std::string& expected) {
  return group != nullptr && group->attribute(name) != nullptr && group->text(name) != expected;
}

void check_finished(const std::filesystem::path& results, const RunIdentity& identity) {
  const auto advice = "use --overwrite to start anew";
  Group found;
  try {
    found = check_results(results);
  } catch (const IoError& error) {
    throw IoError(
        fmt::format("{}; the results of a finished run are damaged: restore them, or {}", error.what(), advice));
  }
  if (differs(&found, "config", identity.configuration) || differs(&found, "dataset_sha256", identity.dataset_sha256) ||
      differs(&found, "models_sha256", identity.models_sha256) ||
      differs(found.find_group("provenance"), "petsc_options", identity.solver_options))
    throw ConfigError(
        fmt::format("{}: the results of a finished run are here, of another configuration, other data or other PETSc "
                    "options; choose another --output, or {}",
                    results.string(), advice));
}

}  // namespace

OutputSession::OutputSession(const Communicator& world, const Config& config, const OutputRequest& request,
                             const RunIdentity& identity, Log& log)
    : world_(world), config_(config), log_(log), output_(request.output) {
  on_root(world, [&] { open(request, identity); });
  world.broadcast(owner_);
  if (owner_.empty()) return;
  work_ = {work_folder(output_),
           {{identity.digest(), digest_of(build_and_machine())}, ownership_check(output_, owner_)},
           no_report,
           request.digests};
}

void OutputSession::open(const OutputRequest& request, const RunIdentity& identity) {
  const Tell tell = [&](const std::string& message) { log_.info(message); };
  folder_ = std::make_unique<OutputFolder>(output_, request.mode, config_, request.bytes, tell, OwnerFile::Times{},
                                           request.other_work);
  if (folder_->state() == OutputState::finished) return check_finished(results(), identity);
  owner_ = folder_->owner();
  log_.open_file(output_ / "log.txt");
  if (!folder_->lock_complaint().empty()) log_.warning(folder_->lock_complaint());
}

void OutputSession::conclude_finished() const {
  conclude(log_, fmt::format("{}: this run is finished already, nothing to do", results().string()),
           outcome_on_root(world_, [this] { return read_outcome(results()); }), results());
}

void OutputSession::remove_work() const {
  work_->owner.still_ours();
  const auto complaint = folder_->remove_work();
  if (!complaint.empty()) log_.warning(fmt::format("the results are complete, but {}", complaint));
}

void OutputSession::write_results(const Plan& plan, const ImageDataset& data, const UnitFolders& folders,
                                  Provenance provenance, const std::string& said) {
  const double begin = MPI_Wtime() - provenance.seconds, peak = peak_memory();
  provenance.ranks = world_.size();
  provenance.peak_memory = world_.gather_all({&peak, 1});
  const auto [table, outcome] = assemble_results(world_, config_, plan, data, folders, output_, *work_, provenance);
  on_root(world_, [this] { remove_work(); });
  for (const auto& line : table) log_.info(line);
  conclude(log_,
           fmt::format("results in {} after {}{}", results().string(), format_duration(MPI_Wtime() - begin), said),
           outcome, results());
}

}  // namespace flatsweep
