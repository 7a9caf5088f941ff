#include "frozen_gradients.hpp"

#include "flatsweep/base/index.hpp"
#include "gradient_blocks.hpp"
#include "layer_samples.hpp"

namespace flatsweep {

namespace {

bool keeps_samples(const FrozenRun& run) {
  constexpr double most_bytes = 0x1.0p28;
  const auto& layer = run.analysed();
  const double numbers = layer.inputs + layer.outputs;
  return run.layer > 0 && !layer.convolution && sizeof(float) * numbers * run.set.count() <= most_bytes;
}

}  // namespace

FrozenGradients::FrozenGradients(const FrozenRun& run) {
  if (keeps_samples(run))
    keep_samples(run);
  else
    whole_.emplace(run.network, run.weights, run.layer, run.set, run.options.batch_size);
}

void FrozenGradients::keep_samples(const FrozenRun& run) {
  const int inputs = run.analysed().inputs, outputs = run.analysed().outputs, batch = run.options.batch_size;
  inputs_.resize(inputs, std::ssize(run.set.labels));
  errors_.resize(outputs, std::ssize(run.set.labels));
  const auto alone = Communicator::self();
  LayerSamples samples(alone, run.network, run.weights, run.layer, run.set);
  auto& executor = samples.executor();
  Index first = 0;
  samples.visit([&](auto labels) {
    const Index count = std::ssize(labels);
    auto* const errors = errors_.col(first).data();
    executor.preactivation_gradients(run.weights, run.layer, labels, {errors, labels.size() * outputs});
    inputs_.middleCols(first, count) = executor.samples_of_input(run.layer, count);
    first += count;
  });
  errors_ /= static_cast<float>(batch);
  own_inputs_.resize(inputs, batch);
  own_errors_.resize(outputs, batch);
  product_ =
      MatrixProduct({inputs, outputs, batch, inputs, outputs, inputs}, Target::overwrite, SecondFactor::transposed);
}

void FrozenGradients::gradient_of(std::span<const std::uint32_t> samples, float* gradient) {
  for (std::size_t i = 0; i < samples.size(); ++i) {
    own_inputs_.col(i) = inputs_.col(samples[i]);
    own_errors_.col(i) = errors_.col(samples[i]);
  }
  product_(own_inputs_.data(), own_errors_.data(), gradient);
}

void FrozenGradients::for_each_block(std::span<const std::uint32_t> order, const SnapshotVisitor& visit) {
  if (whole_) return whole_->for_each_block(order, visit);
  const auto fill = [this](std::span<const std::uint32_t> samples, float* row) { gradient_of(samples, row); };
  for_each_gradient_block(order, own_inputs_.cols(), own_inputs_.rows() * own_errors_.rows(), fill, visit);
}

}  // namespace flatsweep
