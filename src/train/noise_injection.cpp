#include "flatsweep/train/noise_injection.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"

#include <cmath>
#include <numeric>

namespace flatsweep {

double NoiseModes::trace() const { return std::accumulate(values.begin(), values.end(), 0.0); }

namespace {

std::vector<float> mode_deviations(const NoiseModes& modes, double sigma) {
  std::vector<float> deviations;
  for (const double e : modes.values) deviations.push_back(sigma * std::sqrt(e));
  return deviations;
}

std::vector<float> equal_deviations(const NoiseModes& modes, double sigma) {
  const double variance = modes.trace() / modes.block.size;
  return std::vector<float>(modes.block.size, sigma * std::sqrt(variance));
}

std::vector<float> diagonal_deviations(const NoiseModes& modes, double sigma) {
  const Eigen::Map<const Eigen::VectorXd> e(modes.values.data(), std::ssize(modes.values));
  std::vector<float> deviations;
  for (Index j = 0; j < modes.vectors.cols(); ++j)
    deviations.push_back(sigma * std::sqrt(modes.vectors.col(j).cast<double>().cwiseAbs2().dot(e)));
  return deviations;
}

}  // namespace

NoiseInjection::NoiseInjection(NoiseShape shape, double sigma, std::int64_t seed, const std::vector<NoiseModes>& layers)
    : sigma_(sigma), seed_(seed) {
  for (const auto& modes : layers) switch (shape) {
      case NoiseShape::flatness_detecting:
        layers_.push_back({modes.block, mode_deviations(modes, sigma), modes.vectors});
        break;
      case NoiseShape::isotropic:
        layers_.push_back({modes.block, equal_deviations(modes, sigma), {}});
        break;
      case NoiseShape::diagonal:
        layers_.push_back({modes.block, diagonal_deviations(modes, sigma), {}});
        break;
    }
}

void NoiseInjection::add(std::int64_t step, std::span<float> gradient) const {
  if (sigma_ == 0.0) return;
  Random random(seed_, RandomPurpose::gradient_noise, step);
  for (const auto& layer : layers_) {
    if (layer.deviation.empty()) continue;  // all units dead: no gradient, so no modes
    Eigen::VectorXf draw(std::ssize(layer.deviation));
    for (Index i = 0; i < draw.size(); ++i) draw(i) = layer.deviation[i] * static_cast<float>(random.normal());
    Eigen::Map<Eigen::VectorXf> to(gradient.data() + layer.block.offset, layer.block.size);
    if (layer.vectors.size() > 0)
      to.noalias() += layer.vectors.transpose() * draw;
    else
      to += draw;
  }
}

}  // namespace flatsweep
