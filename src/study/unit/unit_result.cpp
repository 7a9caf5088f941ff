#include "flatsweep/study/unit/unit_result.hpp"

#include "flatsweep/base/norm.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/io/durable_file.hpp"
#include "flatsweep/study/unit/study_kind.hpp"

#include <algorithm>

namespace flatsweep {

namespace {

void read_last_epoch(const Group& training, UnitResult& result) {
  const auto last = [&](const char* name) {
    const auto values = training.dataset(name).values<double>();
    return values.empty() ? nan : values.back();
  };
  result.train_loss = last("train_loss");
  result.train_error = last("train_error");
  result.test_loss = last("test_loss");
  result.test_error = last("test_error");
}

/// NaN of a layer that the network does not have.
double norm_of(const Group& weights, const std::string& layer) {
  const auto* found = weights.find(layer);
  return found == nullptr ? nan : euclidean_norm(found->values<float>());
}

/// After the epochs from the one in which the window opened. Networks made elsewhere have one row.
double largest_error(const Group& training, std::int64_t first_epoch) {
  const auto errors = training.dataset("train_error").values<double>();
  const auto before = std::min<std::int64_t>(first_epoch, std::ssize(errors) - 1);
  const auto window = errors.subspan(std::max<std::int64_t>(before, 0));
  return window.empty() ? nan : std::ranges::max(window);
}

/// Columns of one length, at least one epoch long.
void check_curves(const Group& training) {
  const auto epochs = training.dataset("train_loss").values<double>().size();
  for (const auto* name : {"train_error", "test_loss", "test_error"})
    if (training.dataset(name).values<double>().size() != epochs) throw DamagedFile("curves differ in length");
}

}  // namespace

void check_result_stage(const StudyKind& study, const Config& config, const std::string& stage, const Group& tree) {
  if (stage == "training") {
    (void)tree.integer("epochs_trained");
    check_curves(tree.subgroup("training"));
  } else if (study.check_stage != nullptr) {
    study.check_stage(config, stage, tree);
  }
}

Group tree_of(const UnitEnd& end) {
  Group tree;
  tree.set("status", std::string(to_string(end.status)));
  tree.set("message", end.message);
  tree.set("seconds", end.seconds);
  return tree;
}

UnitEnd read_unit_end(const Group& tree) { return {{status_of(tree), tree.text("message")}, tree.real("seconds")}; }

UnitStatus status_of(const Group& tree) {
  const auto status = from_word<UnitStatus>(tree.text("status"));
  if (!status) throw DamagedFile("the status is none");
  return *status;
}

std::vector<std::string> result_stages(const StudyKind& study, const Config& config, UnitStatus status) {
  std::vector<std::string> stages = {"training"};
  if (status != UnitStatus::done) return stages;  // what fails is an analysis; training was finished before
  for (auto& stage : study.stages(config)) stages.push_back(std::move(stage));
  return stages;
}

UnitResult read_unit_result(const StudyKind& study, const Config& config, const UnitFolder& folder) {
  UnitResult result;
  static_cast<UnitEnd&>(result) = read_unit_end(folder.require(end_stage));
  const auto training = folder.require("training");
  result.epochs_trained = training.integer("epochs_trained");
  read_last_epoch(training.subgroup("training"), result);
  result.window_error = largest_error(training.subgroup("training"), training.integer("window_first_epoch"));
  for (const auto& layer : config.pca.layers)
    result.weight_norms.push_back(norm_of(training.subgroup("weights"), layer));
  if (result.status != UnitStatus::done) return result;
  if (study.failed != nullptr) result.failed = study.failed(config, folder);
  study.read(config, folder, result);
  return result;
}

}  // namespace flatsweep
