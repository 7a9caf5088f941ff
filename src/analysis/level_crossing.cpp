#include "flatsweep/analysis/level_crossing.hpp"

#include "flatsweep/base/numbers.hpp"
#include "level_model.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>

namespace flatsweep {

namespace {

constexpr double level = 1.0;
constexpr int most_rounds = 60;

/// One side of the search in the coordinate d = |position|.
class SideSearch {
 public:
  SideSearch(double sign, const LevelSearch& search) : sign_(sign), search_(search), guess_(first_guess()) {
    points_.push_back({0.0, 0.0});
  }

  [[nodiscard]] bool done() const { return done_; }
  /// Where the level lies is not to be found.
  void give_up() {
    done_ = true;
    crossing_ = nan;
  }
  [[nodiscard]] double crossing() const { return sign_ * crossing_; }
  [[nodiscard]] double sign() const { return sign_; }

  /// Distances wanted in this round.
  [[nodiscard]] std::vector<double> propose() {
    if (inspecting_) return propose_inspection();
    if (!bracketed_) return propose_outward();
    return propose_inside();
  }

  void accept(double distance, double value) {
    const auto at = std::ranges::lower_bound(points_, distance, {}, &ProfilePoint::position);
    points_.insert(at, {distance, value});
  }

  /// Takes stock after a round: has the level been bracketed, is the bracket narrow enough?
  void update() {
    const auto above = std::ranges::find_if(points_, [](const auto& p) { return p.value >= level; });
    bracketed_ = above != points_.end();
    crossing_ = nan;
    if (!bracketed_) {
      finish(points_.back().position >= search_.furthest);
      return;
    }
    high_ = above - points_.begin();
    const auto& a = points_[high_ - 1];
    const auto& b = points_[high_];
    finish(b.position - a.position <= search_.tolerance * b.position);
    if (done_) crossing_ = a.position + (b.position - a.position) * (level - a.value) / (b.value - a.value);
  }

 private:
  /// Ends the search, unless the function is not what slope and curvature at 0 foretell: then it is looked at in
  /// between first, once, since it may have risen above the level and come back.
  void finish(bool found) {
    inspecting_ = found && !inspected_ && !(bracketed_ && as_foretold(points_[high_].position));
    done_ = found && !inspecting_;
  }
  [[nodiscard]] bool as_foretold(double crossing) const {
    constexpr double most_off = 1.4;
    return crossing <= most_off * guess_ && guess_ <= most_off * crossing;
  }

  /// Evenly spaced between 0 and the crossing; where there is none, the guess.
  [[nodiscard]] std::vector<double> propose_inspection() {
    constexpr int parts = 9;
    const double reach = bracketed_ ? points_[high_ - 1].position : guess_;
    inspecting_ = false;
    inspected_ = true;
    std::vector<double> wanted;
    for (int i = 1; i < parts; ++i) wanted.push_back(reach * i / parts);
    std::erase_if(wanted,
                  [&](double d) { return std::ranges::find(points_, d, &ProfilePoint::position) != points_.end(); });
    return wanted;
  }

  // From b d + k d^2 / 2 = 1 on this side, or from the slope alone; the search corrects a poor guess.
  [[nodiscard]] double first_guess() const {
    const double b = sign_ * search_.slope;
    const double k = search_.curvature;
    const double root = b * b + 2.0 * k;
    double guess = k > 0.0 ? (std::sqrt(root) - b) / k : 1.0 / std::max(std::abs(b), 1e-3);
    if (!std::isfinite(guess) || guess <= 0.0) guess = 1.0;
    return std::min(guess, search_.furthest);
  }

  /// First the guess alone, then where the model goes on to the level; where that is of no help, growing steps.
  [[nodiscard]] std::vector<double> propose_outward() {
    constexpr std::array<double, 4> further = {1.5, 2.25, 3.5, 5.0};
    constexpr int most_by_model = 3;
    const double reached = points_.back().position;
    if (reached == 0.0) return {guess_};
    if (++outward_rounds_ <= most_by_model) {
      auto wanted = close_in(reached, std::min(2.5 * reached, search_.furthest));
      if (!wanted.empty()) return wanted;
    }
    std::vector<double> wanted;
    for (const double factor : further) wanted.push_back(std::min(factor * reached, search_.furthest));
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    return wanted;
  }

  [[nodiscard]] std::vector<double> propose_inside() {
    const double a = points_[high_ - 1].position;
    const double b = points_[high_].position;
    ++refinements_;
    if (refinements_ % 4 == 0 || !std::isfinite(points_[high_].value)) return in_three(a, b);
    auto wanted = close_in(a, b);
    if (wanted.empty()) wanted.push_back(0.5 * (a + b));
    return wanted;
  }

  /// Cuts a bracket in three: equal parts, or equal ratios where its ends are far apart.
  static std::vector<double> in_three(double a, double b) {
    if (!far_apart(a, b)) return {a + (b - a) / 3.0, b - (b - a) / 3.0};
    const double ratio = std::cbrt(b / a);
    return {a * ratio, b / ratio};
  }
  static bool far_apart(double a, double b) { return a > 0.0 && b > 8.0 * a; }

  /// Where a model of the function meets the level, and about how far that is from where the function does.
  struct Root {
    double position = nan;
    double doubt = nan;
  };

  /// Points between a and b: the root of the model, or where it is sure enough what closes the bracket round it, one or
  /// two points. None where the model has no root there.
  [[nodiscard]] std::vector<double> close_in(double a, double b) const {
    const auto root = model_root(a, b);
    const double width = search_.tolerance * root.position;
    std::vector<double> wanted = {root.position};
    if (root.doubt <= 0.4 * width) {
      const double margin = std::clamp(2.0 * root.doubt, 0.05 * width, 0.45 * width);
      if (root.position - a <= 0.95 * width - margin)
        wanted = {root.position + margin};
      else if (bracketed_ && b - root.position <= 0.95 * width - margin)
        wanted = {root.position - margin};
      else
        wanted = {root.position - 0.45 * width, root.position + 0.45 * width};
    } else if (refinements_ > 2 && far_apart(a, b)) {
      wanted.push_back(std::sqrt(a * b));
    } else if (refinements_ > 2) {
      const double half = std::min(std::max(7.0 * root.doubt, 0.45 * width), 0.25 * (b - a));
      wanted = {root.position - half, root.position + half};
    }
    std::erase_if(wanted, [&](double d) { return !(d > a && d < b); });
    return wanted;
  }

  /// Of the polynomial through the four points nearest to the bracket and the value and slope at 0. One condition less,
  /// the farthest point or with few points the slope, moves its root by several times its own error.
  [[nodiscard]] Root model_root(double a, double b) const {
    constexpr double share_of_error = 0.3;
    constexpr std::size_t most_points = 4;
    const auto points = nearest_points(most_points);
    const std::span<const ProfilePoint> all = points;
    const double slope = sign_ * search_.slope;
    const double root = LevelModel(all, slope).first_rise(level, a, b);
    const auto fewer = all.size() < 3 ? LevelModel(all) : LevelModel(all.first(all.size() - 1), slope);
    return {root, share_of_error * std::abs(root - fewer.first_rise(level, a, b))};
  }

  /// The finite ones nearest to the middle of the bracket, or to the last one where there is no bracket; the nearest
  /// first, 0 not among them.
  [[nodiscard]] std::vector<ProfilePoint> nearest_points(std::size_t count) const {
    const double middle =
        bracketed_ ? 0.5 * (points_[high_ - 1].position + points_[high_].position) : points_.back().position;
    std::vector<ProfilePoint> nearest;
    for (const auto& point : points_)
      if (point.position > 0.0 && std::isfinite(point.value)) nearest.push_back(point);
    std::ranges::stable_sort(nearest, {}, [&](const auto& point) { return std::abs(point.position - middle); });
    nearest.resize(std::min(nearest.size(), count));
    return nearest;
  }

  double sign_;
  LevelSearch search_;
  double guess_;
  std::vector<ProfilePoint> points_;  // by distance
  std::size_t high_ = 0;              // upper end of the bracket
  bool bracketed_ = false;
  bool done_ = false;
  bool inspecting_ = false, inspected_ = false;
  double crossing_ = nan;
  int outward_rounds_ = 0, refinements_ = 0;
};

}  // namespace

/// Both sides of one search and the points that they asked for last.
struct LevelSearcher::State {
  explicit State(const LevelSearch& search) : sides{SideSearch(-1.0, search), SideSearch(1.0, search)} {}
  std::array<SideSearch, 2> sides;
  std::array<std::vector<double>, 2> wanted;  // distances
  std::vector<double> points;
  LevelCrossings result;
};

LevelSearcher::LevelSearcher(const LevelSearch& search) : state_(std::make_unique<State>(search)) {
  state_->result.profile.push_back({0.0, 0.0});
  propose();
}
LevelSearcher::~LevelSearcher() = default;
LevelSearcher::LevelSearcher(LevelSearcher&&) noexcept = default;
LevelSearcher& LevelSearcher::operator=(LevelSearcher&&) noexcept = default;

bool LevelSearcher::done() const { return state_->sides[0].done() && state_->sides[1].done(); }

std::span<const double> LevelSearcher::points() const { return state_->points; }

void LevelSearcher::propose() {
  state_->points.clear();
  for (std::size_t s = 0; s < 2; ++s) {
    auto& side = state_->sides[s];
    state_->wanted[s] = side.done() ? std::vector<double>{} : side.propose();
    for (const double d : state_->wanted[s]) state_->points.push_back(side.sign() * d);
  }
}

void LevelSearcher::accept(std::span<const double> values) {
  std::size_t next = 0;
  for (std::size_t s = 0; s < 2; ++s) {
    auto& side = state_->sides[s];
    for (const double d : state_->wanted[s]) {
      const double value = std::isnan(values[next]) ? std::numeric_limits<double>::infinity() : values[next];
      side.accept(d, value);
      state_->result.profile.push_back({state_->points[next], value});
      ++next;
    }
    if (!side.done()) side.update();
  }
  ++state_->result.rounds;
  // A bracket closes unless the function jumps at 0 itself, as ln L does where L_0 is 0.
  if (state_->result.rounds == most_rounds)
    for (auto& side : state_->sides)
      if (!side.done()) side.give_up();
  propose();
}

LevelCrossings LevelSearcher::result() const {
  LevelCrossings result = state_->result;
  result.left = state_->sides[0].crossing();
  result.right = state_->sides[1].crossing();
  std::ranges::sort(result.profile, {}, &ProfilePoint::position);
  return result;
}

LevelCrossings find_level_crossings(const BatchFunction& function, const LevelSearch& search) {
  LevelSearcher searcher(search);
  while (!searcher.done()) {
    std::vector<double> values(searcher.points().size());
    function(searcher.points(), values);
    searcher.accept(values);
  }
  return searcher.result();
}

double predicted_width(double slope, double curvature) {
  if (!(curvature > 0.0)) return nan;
  return 2.0 / curvature * std::sqrt(slope * slope + 2.0 * curvature);
}

}  // namespace flatsweep
