#include "flatsweep/analysis/mode_profiles.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/linalg/to_vector.hpp"
#include "flatsweep/par/agreement.hpp"

#include <algorithm>
#include <cmath>

namespace flatsweep {

namespace {
using Eigen::VectorXd;

/// A mode before it is probed: where its ln L is wanted.
ModeProfile prepare(int direction, const DirectionFlatness* known, Index points) {
  ModeProfile mode;
  mode.direction = direction;
  mode.left = known != nullptr ? known->left : nan;
  mode.right = known != nullptr ? known->right : mode.left;
  mode.log_loss.resize(points);
  if (std::isfinite(mode.flatness())) mode.own_theta = to_vector(VectorXd::LinSpaced(points, mode.left, mode.right));
  mode.own_log_loss.resize(mode.own_theta.size());
  return mode;
}

/// Slopes and profiles of a few modes, all from the same passes over the samples.
void probe_modes(LayerProbe& probe, const Eigen::MatrixXd& directions, const VectorXd& theta,
                 std::span<ModeProfile> modes) {
  std::vector<Eigen::VectorXf> vectors;
  for (const auto& mode : modes) vectors.emplace_back(directions.col(mode.direction).cast<float>());
  std::vector<LayerProbe::Profile> profiles;
  std::vector<LayerProbe::WeightDirection> views;
  for (std::size_t i = 0; i < modes.size(); ++i) {
    views.emplace_back(vectors[i].data(), vectors[i].size());
    profiles.push_back({views[i], entries(theta), modes[i].log_loss});
    profiles.push_back({views[i], modes[i].own_theta, modes[i].own_log_loss});
  }
  probe.evaluate(profiles);
  for (const auto& profile : profiles)
    for (double& loss : profile.losses) loss = std::log(loss);
  const auto derivatives = probe.derivatives(views);
  for (std::size_t i = 0; i < modes.size(); ++i) modes[i].slope = derivatives[i].first / derivatives[i].loss;
}

/// Fills in what other ranks measured: all numbers of a share of modes, as one row after another.
void exchange(const Communicator& team, std::span<const ModeProfile> mine, std::vector<ModeProfile>& all) {
  std::vector<double> sent;
  for (const auto& mode : mine) {
    sent.push_back(mode.slope);
    sent.insert(sent.end(), mode.log_loss.begin(), mode.log_loss.end());
    sent.insert(sent.end(), mode.own_log_loss.begin(), mode.own_log_loss.end());
  }
  const auto received = team.gather_all(sent);
  const double* next = received.data();
  for (auto& mode : all) {
    mode.slope = *next++;
    for (double& value : mode.log_loss) value = *next++;
    for (double& value : mode.own_log_loss) value = *next++;
  }
}

}  // namespace

const DirectionFlatness* find_direction(std::span<const DirectionFlatness> flatness, int direction) {
  const auto found = std::ranges::find(flatness, direction, &DirectionFlatness::direction);
  return found == flatness.end() ? nullptr : &*found;
}

std::vector<int> choose_modes(int available, std::span<const DirectionFlatness> flatness, int count, int last) {
  std::vector<int> candidates;
  for (const auto& f : flatness)
    if (f.direction > 0 && f.direction < available) candidates.push_back(f.direction);
  if (candidates.empty())
    for (int i = 1; i < available; ++i) candidates.push_back(i);
  std::vector<int> chosen = {0};
  const double ratio = std::max(last, 2) / 2.0;
  for (int i = 0; i + 1 < count && !candidates.empty(); ++i) {
    const double wanted = 2.0 * std::pow(ratio, 1.0 * i / std::max(count - 2, 1));
    const auto distance = [&](int direction) { return std::abs(std::log((direction + 1.0) / wanted)); };
    chosen.push_back(*std::ranges::min_element(candidates, {}, distance));
  }
  std::ranges::sort(chosen);
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  return chosen;
}

// Directions are dealt over the ranks in contiguous shares, so that gathering keeps their order.
std::vector<ModeProfile> measure_mode_profiles(const Communicator& team, LayerProbe& probe,
                                               const Eigen::MatrixXd& directions, const VectorXd& theta,
                                               std::span<const int> chosen, std::span<const DirectionFlatness> flatness,
                                               const std::function<void(double fraction)>& checkpoint) {
  std::vector<ModeProfile> modes;
  for (const int direction : chosen)
    modes.push_back(prepare(direction, find_direction(flatness, direction), theta.size()));
  const auto range = share(std::ssize(modes), team.rank(), team.size());
  const auto mine = std::span(modes).subspan(range.begin, range.size());
  const std::size_t together = probe.directions_at_a_time();
  agree(team, [&] {
    for (std::size_t i = 0; i < mine.size(); i += together) {
      if (checkpoint) checkpoint(1.0 * (i + 1) / (mine.size() + 1));
      probe_modes(probe, directions, theta, mine.subspan(i, std::min(together, mine.size() - i)));
    }
  });
  exchange(team, mine, modes);
  return modes;
}

}  // namespace flatsweep
