#include "noise_modes.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/par/agreement.hpp"
#include "study/store/tree_entries.hpp"

namespace flatsweep {

namespace {

/// N_m minibatches, one epoch's after another.
std::vector<std::uint32_t> minibatches_for_modes(const UnitContext& context) {
  const auto options = context.unit.replica.trainer_options(context.config);
  const Sampler sampler(options.sampling, context.data.train().count(), options.batch_size, options.seed);
  const auto wanted = context.config.noise.minibatches;
  const auto count = wanted > 0 ? wanted : 2 * sampler.iterations();
  std::vector<std::uint32_t> order;
  for (std::int64_t epoch = 0; epoch * sampler.iterations() < count; ++epoch) {
    const auto next = sampler.order(epoch);
    order.insert(order.end(), next.begin(), next.end());
  }
  order.resize(count * options.batch_size);
  return order;
}

void broadcast(const Communicator& team, GradientModes& modes) {
  auto& [block, values, vectors] = modes.leading;
  values.resize(team.broadcast(std::ssize(values)));
  team.broadcast(std::span(values));
  vectors.resize(std::ssize(values), block.size);
  team.broadcast(entries(vectors));
  team.broadcast(std::span(&modes.trace, 1));
}

}  // namespace

std::vector<GradientModes> measure_noise_modes(const Communicator& team, const UnitContext& context,
                                               const Network& network, std::span<const float> weights) {
  const int batch_size = context.unit.replica.batch_size;
  const int count = context.config.noise.modes;
  std::vector<GradientModes> layers(network.layers.size());
  for (std::size_t i = 0; i < layers.size(); ++i) layers[i].leading.block = network.layers[i].weight_block();
  on_root(team, [&] {
    layers =
        gradient_modes(network, weights, context.data.train(), batch_size, minibatches_for_modes(context), count, [&] {
          if (context.hooks.stop_requested()) throw Stopped(stop_message);
        });
  });
  for (auto& modes : layers) broadcast(team, modes);
  return layers;
}

Group noise_tree(const Network& network, const std::vector<GradientModes>& spectra, bool reached) {
  Group root;
  root.group("noise").set("until_loss_reached", std::int64_t{reached}, "1",
                          "1 where the training loss came down to noise.until_loss, which ended the training after "
                          "epochs_trained epochs with the last train_loss, else 0");
  for (std::size_t i = 0; i < spectra.size(); ++i) {
    auto& group = root.group("noise/" + network.layers[i].name);
    group.set("trace", spectra[i].trace, "1", "trace of F = Q Q^T/N_m");
    group.set("kept_trace", spectra[i].leading.trace(), "1", "trace of F in the modes that the noise has");
    add(group, "eigenvalues", spectra[i].leading.values, {"mode"}, "1",
        "leading eigenvalues e_i of F = Q Q^T/N_m of the layer's weights when F was last measured, descending");
  }
  return root;
}

}  // namespace flatsweep
