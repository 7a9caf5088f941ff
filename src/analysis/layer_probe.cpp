#include "flatsweep/analysis/layer_probe.hpp"

#include "flatsweep/base/numbers.hpp"
#include "flatsweep/nn/block_samples.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

namespace flatsweep {

class LayerProbe::Visit {
 public:
  Visit(LayerProbe& probe, std::size_t number) : probe_(probe), number_(number) {
    if (probe_.network_.targets != Targets::classes) probe_.executor_.load_targets(probe_.images_of(block()));
  }

  [[nodiscard]] const Block& block() const { return probe_.blocks_[number_]; }
  [[nodiscard]] std::size_t number() const { return number_; }
  [[nodiscard]] std::span<const float> input() {
    if (!input_) input_ = probe_.input_of(*this);
    return *input_;
  }
  [[nodiscard]] std::span<const float> preactivations() {
    if (!preactivations_) preactivations_ = probe_.preactivations_of(*this);
    return *preactivations_;
  }

 private:
  LayerProbe& probe_;
  std::size_t number_;
  std::optional<std::span<const float>> input_, preactivations_;
};

LayerProbe::LayerProbe(const Network& network, std::span<const float> weights, int layer, const ImageSet& set)
    : network_(network),
      weights_(weights.begin(), weights.end()),
      layer_(layer),
      set_(set),
      executor_(network, probe_block.of(network),
                network.curved(layer) ? Direction::forward_and_backward : Direction::forward_only),
      pass_(executor_.layer(layer)),
      response_(pass_.preactivations(), 0.0F),
      preactivation_(pass_.preactivations(), 0.0F),
      order_(set.count()) {
  std::iota(order_.begin(), order_.end(), 0);
  if (only_outputs_behind()) {
    build_gaps();
    cut_into_blocks(sort_samples());
  } else {
    cut_into_blocks({});
  }
  run_blocks();
}

void LayerProbe::preactivate(std::span<const float> input, std::span<float> z) {
  pass_.apply_weights(input, weights_.data() + layer().weights, z);
  pass_.add_bias(weights_, z);
}

std::span<const float> LayerProbe::input_of(Visit& visit) {
  const std::size_t size = pass_.input().size();
  if (layer_ > 0) return inputs_.part(visit.number(), size);
  executor_.load(images_of(visit.block()));
  return pass_.input();
}

std::span<const float> LayerProbe::preactivations_of(Visit& visit) {
  if (!preactivations_.empty()) return preactivations_.part(visit.number(), pass_.preactivations());
  preactivate(visit.input(), preactivation_);
  return preactivation_;
}

void LayerProbe::Line::start(WeightDirection direction, double negligible) {
  direction_ = direction;
  negligible_ = negligible;
  rates_.clear();
  evaluated_.clear();
}

void LayerProbe::Line::add_step(float step, std::size_t blocks) {
  Evaluated at{step, std::vector<double>(blocks, nan), {}, 0.0};
  for (std::size_t i = 0; i < evaluated_.size(); ++i)
    at.nearest.push_back({std::abs(1.0 * evaluated_[i].step - step), i});
  std::ranges::stable_sort(at.nearest, {}, &Evaluated::Other::distance);
  evaluated_.push_back(std::move(at));
}

// With gaps g_k = y_k - y_c a sample loses l = ln(1 + sum_k e^g_k). ReLU changes no number by more than its argument
// changes, so that over a step of t every gap of the block changes by less than x = t max |W_k - W_c| max |q|, the rate
// being the product of the norms. l is then between e^-x and e^x times what it was, since ln(1 + e^x s) <= e^x ln(1 +
// s), and e^x - 1 <= x + x^2 for x <= 1.
std::optional<double> LayerProbe::Line::known(std::size_t block, int samples, Evaluated& at) const {
  at.allowance += negligible_ * samples;
  const auto evaluated = [&](const auto& other) { return !std::isnan(evaluated_[other.number].losses[block]); };
  const auto nearest = std::ranges::find_if(at.nearest, evaluated);
  if (nearest == at.nearest.end()) return {};
  const double loss = evaluated_[nearest->number].losses[block];
  const double x = nearest->distance * rates_[block];
  const double change = loss * (x + x * x);
  if (!(x <= 1.0 && change <= at.allowance)) return {};
  at.allowance -= change;
  return loss;
}

std::size_t LayerProbe::response_bytes() const { return blocks_.size() * pass_.preactivations() * sizeof(float); }

bool LayerProbe::keeps_responses() const { return !layer().convolution && response_bytes() <= line_memory; }

int LayerProbe::directions_at_a_time() const {
  if (layer().convolution) return 2;
  return keeps_responses() ? std::min(most_lines, line_memory / response_bytes()) : most_lines;
}

std::span<LayerProbe::Line> LayerProbe::lines() {
  if (lines_.empty()) lines_.resize(directions_at_a_time());
  return lines_;
}

void LayerProbe::prepare(Line& line, std::span<const double> steps) const {
  line.rates_.resize(blocks_.size(), nan);
  if (keeps_responses() && line.responses_.empty())
    line.responses_ = LargeArray(blocks_.size() * pass_.preactivations());
  for (const double step : steps) line.add_step(step, blocks_.size());
}

std::span<const float> LayerProbe::response_of(Visit& visit, WeightDirection direction, Line* line) {
  std::span<float> response = response_;
  if (line != nullptr && keeps_responses()) {
    response = line->responses_.part(visit.number(), response.size());
    if (!std::isnan(line->rates_[visit.number()])) return response;
  }
  pass_.apply_weights(visit.input(), direction.data(), response);
  if (line != nullptr) line->rates_[visit.number()] = gap_rate(visit, response);
  return response;
}

ReluHead LayerProbe::gap_head(Visit& visit, std::span<const float> response) const {
  const auto& gaps = gaps_[visit.block().labels.front()];
  return {visit.preactivations().data(),     response.data(),     executor_.rows(),
          network_.layers.back().inputs,     gaps.weights.data(), gaps.bias.data(),
          static_cast<int>(gaps.bias.size())};
}

double LayerProbe::gap_rate(Visit& visit, std::span<const float> response) const {
  if (gaps_.empty()) return std::numeric_limits<double>::infinity();
  constexpr double rounding = 1.0 + 1e-4;  // of the norm and of the gaps' weights
  return rounding * gaps_[visit.block().labels.front()].reach *
         static_cast<double>(largest_response(gap_head(visit, response), visit.block().size()));
}

void LayerProbe::move_to(std::span<const float> z, std::span<const float> response, float step) {
  if (!gaps_.empty()) {
    const auto& head = network_.layers.back();
    return relu_head_logits({z.data(), response.data(), executor_.rows(), head.inputs, weights_.data() + head.weights,
                             weights_.data() + head.bias, head.outputs},
                            step, executor_.logits().data());
  }
  pass_.activate(z, response, step);
  executor_.forward(weights_, layer_ + 1);
}

double LayerProbe::loss_after(Visit& visit, std::span<const float> response, float step) {
  if (!gaps_.empty()) return relu_head_loss(gap_head(visit, response), step, visit.block().size());
  move_to(visit.preactivations(), response, step);
  return executor_.loss(visit.block().labels).loss;
}

std::vector<LayerProbe::Derivatives> LayerProbe::derivatives(std::span<const WeightDirection> directions) {
  return derivatives_along(directions, std::vector<Line*>(directions.size(), nullptr));
}

std::vector<LayerProbe::Derivatives> LayerProbe::derivatives(std::span<Line* const> lines) {
  constexpr double at_zero[] = {0.0};
  std::vector<WeightDirection> directions;
  for (auto* line : lines) {
    prepare(*line, at_zero);
    directions.push_back(line->direction_);
  }
  return derivatives_along(directions, lines);
}

std::vector<LayerProbe::Derivatives> LayerProbe::derivatives_along(std::span<const WeightDirection> directions,
                                                                   std::span<Line* const> lines) {
  std::vector<DerivativeSum> totals(directions.size());
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    Visit visit(*this, b);
    if (gaps_.empty()) activate_at_zero(visit);
    for (std::size_t i = 0; i < directions.size(); ++i) {
      const auto sum = derivatives_of(visit, directions[i], lines[i]);
      totals[i].loss += sum.loss;
      totals[i].first += sum.first;
      totals[i].second += sum.second;
      if (lines[i] != nullptr) lines[i]->evaluated_.back().losses[b] = sum.loss;
    }
  }
  const double count = set_.count();
  std::vector<Derivatives> means;
  for (const auto& total : totals) means.push_back({total.loss / count, total.first / count, total.second / count});
  return means;
}

void LayerProbe::activate_at_zero(Visit& visit) {
  const std::vector<float> still(pass_.preactivations(), 0.0F);
  pass_.activate(visit.preactivations(), still, 0.0F);
  executor_.forward(weights_, layer_ + 1);
  if (!network_.curved(layer_)) return;
  const auto input = visit.input();
  if (layer_ > 0) std::ranges::copy(input, pass_.input().begin());
}

DerivativeSum LayerProbe::derivatives_of(Visit& visit, WeightDirection direction, Line* line) {
  if (!gaps_.empty()) {
    const auto head = gap_head(visit, response_of(visit, direction, line));
    const std::size_t size = head.rows * gaps_.front().bias.size();
    const auto [first, second] = relu_head_derivatives(head, probabilities_.part(visit.number(), size).data());
    return {visit.block().loss, first, second};
  }
  const std::span<const std::uint8_t> labels = visit.block().labels;
  if (network_.curved(layer_)) {
    product_.resize(direction.size());
    return executor_.layer_hessian_product(weights_, layer_, direction, labels, product_);
  }
  return executor_.derivatives(weights_, layer_, response_of(visit, direction, line), labels);
}

void LayerProbe::evaluate(std::span<const Profile> profiles) {
  for (const auto& profile : profiles) {
    std::ranges::fill(profile.losses, 0.0);
    if (profile.line != nullptr) prepare(*profile.line, profile.steps);
  }
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    Visit visit(*this, b);
    for (std::size_t i = 0; i < profiles.size(); ++i) {
      const bool last = i + 1 == profiles.size();
      fetch(profiles[last ? 0 : i + 1].line, last ? b + 1 : b);
      add_losses(visit, profiles[i]);
    }
  }
  for (const auto& profile : profiles)
    for (double& value : profile.losses) value /= set_.count();
}

void LayerProbe::fetch(const Line* line, std::size_t block) const {
  const std::size_t size = pass_.preactivations();
  if (line == nullptr || line->responses_.numbers().size() < (block + 1) * size) return;
  constexpr std::size_t in_line = line_bytes / sizeof(float);
  const auto response = line->responses_.part(block, size);
  for (std::size_t i = 0; i < response.size(); i += in_line) __builtin_prefetch(&response[i], 0, 2);
}

void LayerProbe::add_losses(Visit& visit, const Profile& profile) {
  auto* line = profile.line;
  std::optional<std::span<const float>> response;
  for (std::size_t i = 0; i < profile.steps.size(); ++i) {
    auto* at = line == nullptr ? nullptr : &line->evaluated_[line->evaluated_.size() - profile.steps.size() + i];
    if (at != nullptr) {
      if (const auto loss = line->known(visit.number(), visit.block().size(), *at)) {
        profile.losses[i] += *loss;
        continue;
      }
    }
    if (!response) response = response_of(visit, profile.direction, line);
    const double loss = loss_after(visit, *response, profile.steps[i]);
    profile.losses[i] += loss;
    if (at != nullptr) at->losses[visit.number()] = loss;
  }
}

void LayerProbe::visit_logits(WeightDirection direction, std::span<const double> steps,
                              const std::function<void(const LogitBlock&)>& visit) {
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    Visit at(*this, b);
    const auto response = response_of(at, direction, nullptr);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      move_to(at.preactivations(), response, steps[i]);
      visit({at.block().samples, i, at.block().labels, executor_.logits()});
    }
  }
}

}  // namespace flatsweep
