#include "flatsweep/data/teacher.hpp"

#include "flatsweep/base/random.hpp"

#include <algorithm>
#include <cmath>

namespace flatsweep {

namespace {

// Streams of the purpose `teacher`: weights of the two layers, then samples and their noise, training before test.
constexpr std::uint64_t hidden_stream = 0, output_stream = 1, first_sample = 2, streams_of_sample = 4;

Random sample_stream(std::int64_t seed, Teacher::Part part, std::int64_t number, std::uint64_t noise) {
  const std::uint64_t of_part = part == Teacher::Part::train ? 0 : 1;
  return {seed, RandomPurpose::teacher,
          first_sample + streams_of_sample * static_cast<std::uint64_t>(number) + 2 * of_part + noise};
}

std::vector<double> random_weights(std::int64_t seed, std::uint64_t stream, std::size_t outputs, std::size_t inputs) {
  Random random(seed, RandomPurpose::teacher, stream);
  std::vector<double> weights(outputs * inputs);
  for (auto& weight : weights) weight = random.normal() / std::sqrt(1.0 * inputs);
  return weights;
}

/// out = W in, one sum after another.
template <class In>
void multiply(const std::vector<double>& weights, std::span<const In> in, std::span<double> out) {
  for (std::size_t o = 0; o < out.size(); ++o) {
    double sum = 0.0;
    for (std::size_t i = 0; i < in.size(); ++i) sum += weights[o * in.size() + i] * in[i];
    out[o] = sum;
  }
}

}  // namespace

Teacher::Teacher(const TeacherOptions& options) : options_(options) {
  for (int i = 1; i <= options.inputs; ++i) deviation_.push_back(std::pow(i, -0.5 * options.covariance_exponent));
  const std::size_t inputs = options.inputs, width = options.width, outputs = options.outputs;
  if (width > 0) hidden_ = random_weights(options.seed, hidden_stream, width, inputs);
  output_ = random_weights(options.seed, output_stream, outputs, width > 0 ? width : inputs);
}

void Teacher::sample(Part part, std::int64_t number, std::span<float> inputs, std::span<double> outputs) const {
  auto random = sample_stream(options_.seed, part, number, 0);
  for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i] = deviation_[i] * random.normal();
  const std::span<const float> given = inputs;
  if (hidden_.empty()) return multiply(output_, given, outputs);
  std::vector<double> units(options_.width);
  multiply(hidden_, given, std::span(units));
  std::ranges::transform(units, units.begin(), [](double z) { return std::tanh(z); });
  multiply(output_, std::span<const double>(units), outputs);
}

void Teacher::add_noise(Part part, std::int64_t number, std::span<double> outputs) const {
  auto random = sample_stream(options_.seed, part, number, 1);
  for (auto& output : outputs) output += options_.noise * random.normal();
}

}  // namespace flatsweep
