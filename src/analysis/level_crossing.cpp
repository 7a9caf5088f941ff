#include "flatsweep/analysis/level_crossing.hpp"

#include <boost/math/tools/toms748_solve.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace flatsweep {

namespace {

constexpr double level = 1.0;
constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
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
    crossing_ = unknown;
  }
  [[nodiscard]] double crossing() const { return sign_ * crossing_; }
  [[nodiscard]] double sign() const { return sign_; }

  /// Distances wanted in this round.
  [[nodiscard]] std::vector<double> propose() {
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
    if (!bracketed_) {
      done_ = points_.back().position >= search_.furthest;
      crossing_ = unknown;
      return;
    }
    high_ = above - points_.begin();
    const auto& a = points_[high_ - 1];
    const auto& b = points_[high_];
    done_ = b.position - a.position <= search_.tolerance * b.position;
    if (done_) crossing_ = a.position + (b.position - a.position) * (level - a.value) / (b.value - a.value);
  }

 private:
  // From b d + k d^2 / 2 = 1 on this side, or from the slope alone; the search corrects a poor guess.
  [[nodiscard]] double first_guess() const {
    const double b = sign_ * search_.slope;
    const double k = search_.curvature;
    const double root = b * b + 2.0 * k;
    double guess = k > 0.0 ? (std::sqrt(root) - b) / k : 1.0 / std::max(std::abs(b), 1e-3);
    if (!std::isfinite(guess) || guess <= 0.0) guess = 1.0;
    return std::min(guess, search_.furthest);
  }

  [[nodiscard]] std::vector<double> propose_outward() {
    // Dense around the guess, which is mostly good to some percent: then one more round is enough.
    constexpr std::array<double, 8> nearby = {0.4, 0.7, 0.85, 0.95, 1.05, 1.15, 1.35, 1.8};
    constexpr std::array<double, 4> further = {1.5, 2.25, 3.5, 5.0};
    std::vector<double> wanted;
    const double reached = points_.back().position;
    if (reached == 0.0)
      for (const double factor : nearby) wanted.push_back(factor * guess_);
    else
      for (const double factor : further) wanted.push_back(factor * reached);
    for (double& d : wanted) d = std::min(d, search_.furthest);
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    return wanted;
  }

  [[nodiscard]] std::vector<double> propose_inside() {
    const double a = points_[high_ - 1].position;
    const double b = points_[high_].position;
    ++refinements_;
    if (refinements_ % 4 == 0 || !std::isfinite(points_[high_].value)) return {a + (b - a) / 3.0, b - (b - a) / 3.0};
    const double root = interpolated_root(5);
    const double doubt = 2.0 * std::abs(root - interpolated_root(4));
    const double half = std::clamp(doubt, 0.4 * search_.tolerance * root, 0.25 * (b - a));
    std::vector<double> wanted;
    for (const double d : {root - half, root + half})
      if (d > a && d < b) wanted.push_back(d);
    if (wanted.empty()) wanted.push_back(0.5 * (a + b));
    return wanted;
  }

  /// Root of the polynomial through the `count` evaluated points nearest to the bracket, inside the bracket.
  [[nodiscard]] double interpolated_root(std::size_t count) const {
    const auto nodes = nearest_points(count);
    const auto excess = [&](double d) { return lagrange(nodes, d) - level; };
    const double a = points_[high_ - 1].position;
    const double b = points_[high_].position;
    const double fa = points_[high_ - 1].value - level;
    const double fb = points_[high_].value - level;
    if (fb == 0.0) return b;
    std::uintmax_t steps = 60;
    const auto bracket =
        boost::math::tools::toms748_solve(excess, a, b, fa, fb, boost::math::tools::eps_tolerance<double>(40), steps);
    return 0.5 * (bracket.first + bracket.second);
  }

  [[nodiscard]] std::vector<ProfilePoint> nearest_points(std::size_t count) const {
    std::size_t low = high_ - 1;
    std::size_t high = high_;
    const double middle = 0.5 * (points_[low].position + points_[high].position);
    while (high - low + 1 < count) {
      const bool can_fall = low > 0;
      const bool can_rise = high + 1 < points_.size() && std::isfinite(points_[high + 1].value);
      if (!can_fall && !can_rise) break;
      const bool fall =
          can_fall && (!can_rise || middle - points_[low - 1].position < points_[high + 1].position - middle);
      if (fall)
        --low;
      else
        ++high;
    }
    return {points_.begin() + low, points_.begin() + high + 1};
  }

  static double lagrange(const std::vector<ProfilePoint>& nodes, double d) {
    double sum = 0.0;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      double term = nodes[i].value;
      for (std::size_t j = 0; j < nodes.size(); ++j)
        if (j != i) term *= (d - nodes[j].position) / (nodes[i].position - nodes[j].position);
      sum += term;
    }
    return sum;
  }

  double sign_;
  LevelSearch search_;
  double guess_;
  std::vector<ProfilePoint> points_;  // by distance
  std::size_t high_ = 0;              // upper end of the bracket
  bool bracketed_ = false;
  bool done_ = false;
  double crossing_ = unknown;
  int refinements_ = 0;
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
  if (!(curvature > 0.0)) return unknown;
  return 2.0 / curvature * std::sqrt(slope * slope + 2.0 * curvature);
}

}  // namespace flatsweep
