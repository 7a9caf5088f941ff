#pragma once

#include "nn/problems.hpp"

#include <memory>
#include <string>
#include <vector>

// Networks of every activation, in fully connected and convolution layers, with both losses, real targets, strides and
// pools.
namespace flatsweep {

struct NetworkKind {
  std::string name;
  std::unique_ptr<Problem> problem;
};

inline std::vector<NetworkKind> network_kinds() {
  std::vector<NetworkKind> kinds;
  const auto add = [&](std::string name, Network network, Loss loss, int batch) {
    network.loss = loss;
    if (network.targets == Targets::real) name += " real targets";
    kinds.push_back({name + " " + std::string(to_string(loss)), std::make_unique<Problem>(std::move(network), batch)});
  };
  const auto add_real = [&](const std::string& name, Network network, int batch) {
    network.targets = Targets::real;
    add(name, std::move(network), Loss::square, batch);
  };
  const auto specs = [](std::initializer_list<std::string_view> texts) {
    std::vector<LayerSpec> layers;
    for (const auto text : texts) layers.push_back(parse_layer_spec(text));
    return layers;
  };
  for (const auto loss : {Loss::cross_entropy, Loss::square}) {
    for (const auto& [activation, word, sentence] : enum_words<Activation>) {
      add("mlp " + std::string(word), multilayer_perceptron(13, 2, 7, 4, activation), loss, 19);
      add("strided cnn " + std::string(word),
          build_network({2, 9, 8},
                        specs({"conv 5 kernel 3 stride 2 padding 1", "conv 4 kernel 2", "average-pool 2", "fc 6"}), 3,
                        activation),
          loss, 5);
      add("max-pooled cnn " + std::string(word),
          build_network({1, 8, 9}, specs({"conv 4 kernel 3", "pool 2", "conv 3 kernel 2", "global-average-pool"}), 3,
                        activation),
          loss, 17);
    }
    add("mixed cnn",
        build_network({3, 7, 7},
                      specs({"conv 4 kernel 3 padding 1 relu", "pool 2", "conv 5 kernel 2 padding 1 gelu",
                             "fc 6 identity", "fc 5 sigmoid"}),
                      4),
        loss, 16);
    add("30 features, 26 classes", multilayer_perceptron(30, 1, 11, 26, Activation::tanh), loss, 33);
    add("two classes", multilayer_perceptron(6, 1, 5, 2, Activation::silu), loss, 8);
  }
  for (const auto activation : {Activation::relu, Activation::tanh, Activation::identity}) {
    add_real("mlp " + std::string(to_string(activation)), multilayer_perceptron(13, 2, 7, 4, activation), 19);
    add_real("strided cnn " + std::string(to_string(activation)),
             build_network({2, 9, 8}, specs({"conv 5 kernel 3 stride 2 padding 1", "average-pool 2", "fc 6"}), 3,
                           activation),
             5);
  }
  add_real("max-pooled cnn",
           build_network({1, 8, 9}, specs({"conv 4 kernel 3", "pool 2", "conv 3 kernel 2", "pool 2"}), 3), 17);
  add_real("one output", multilayer_perceptron(6, 1, 5, 1, Activation::tanh), 8);
  return kinds;
}

}  // namespace flatsweep
