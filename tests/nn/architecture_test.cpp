#include "flatsweep/nn/architecture.hpp"

#include "base/thrown.hpp"
#include "flatsweep/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace flatsweep::architecture_test {
namespace {

using testing::ElementsAre;

constexpr ImageShape digit{1, 28, 28};
constexpr ImageShape colour{3, 32, 32};

std::vector<LayerSpec> specs(const std::vector<std::string_view>& texts) {
  std::vector<LayerSpec> layers;
  for (const auto text : texts) layers.push_back(parse_layer_spec(text));
  return layers;
}

Network named(std::string_view name, const ImageShape& image) {
  return build_network(image, named_architecture(name).layers, 10);
}

std::vector<std::size_t> parameters_by_layer(const Network& network) {
  std::vector<std::size_t> counts;
  for (const auto& layer : network.layers) counts.push_back(layer.size() + static_cast<std::size_t>(layer.outputs));
  return counts;
}

std::vector<std::string> names(const Network& network) {
  std::vector<std::string> all;
  for (const auto& layer : network.layers) all.push_back(layer.name);
  return all;
}

// Supplementary Information, caption of Fig S1B, on MNIST: two convolutions, each with pooling, and one fully connected
// layer.
TEST(NamedArchitecture, CnnS1bHasItsParameters) {
  const auto network = named("cnn-s1b", digit);
  EXPECT_THAT(names(network), ElementsAre("conv1", "conv2", "fc1"));
  EXPECT_THAT(parameters_by_layer(network), ElementsAre(160U, 12832U, 15690U));
  EXPECT_EQ(network.parameters, 28682U);
  EXPECT_THAT(network.layers[1].shape(), ElementsAre(32U, 16U, 5U, 5U));
  EXPECT_THAT(network.layers[2].shape(), ElementsAre(10U, 1568U));
}

// LeCun et al. 1998 with three input channels and full connections, as in Fig S9C on CIFAR-10.
TEST(NamedArchitecture, LeNet5HasItsParameters) {
  const auto network = named("lenet5", colour);
  EXPECT_THAT(names(network), ElementsAre("conv1", "conv2", "fc1", "fc2", "fc3"));
  EXPECT_THAT(parameters_by_layer(network), ElementsAre(456U, 2416U, 48120U, 10164U, 850U));
  EXPECT_EQ(network.parameters, 62006U);
}

TEST(NamedArchitecture, TheMlpHasNoLayersOfItsOwn) {
  EXPECT_EQ(named_architecture("mlp"), Architecture());
  EXPECT_TRUE(Architecture().is_mlp());
  EXPECT_FALSE(named_architecture("lenet5").is_mlp());
}

TEST(NamedArchitecture, AnUnknownNameIsAnsweredWithTheKnownOnes) {
  for (const auto* name : {"lenet", "custom", ""})
    EXPECT_EQ(message_of<ConfigError>([&] { (void)named_architecture(name); }),
              "there is no architecture \"" + std::string(name) +
                  "\"; it is \"mlp\", \"cnn-s1b\", \"lenet5\" or a list of layers");
}

TEST(Architecture, IsLabelledByItsNameOrItsLayers) {
  EXPECT_EQ(Architecture().label(), "mlp");
  EXPECT_EQ(named_architecture("cnn-s1b").label(), "cnn-s1b");
  EXPECT_EQ((Architecture{"custom", specs({"conv 16 kernel 3 padding 1", "pool 2", "fc 100"})}).label(),
            "conv 16 kernel 3 padding 1, pool 2, fc 100");
}

TEST(LayerSpec, IsReadWithAnySpaceBetweenItsWords) {
  using Kind = LayerSpec::Kind;
  EXPECT_EQ(parse_layer_spec("conv 16 kernel 5 padding 2"), (LayerSpec{Kind::convolution, 16, 5, 2}));
  EXPECT_EQ(parse_layer_spec("  conv  1   kernel 1 "), (LayerSpec{Kind::convolution, 1, 1, 0}));
  EXPECT_EQ(parse_layer_spec("pool 3"), (LayerSpec{Kind::pool, 3, 0, 0}));
  EXPECT_EQ(parse_layer_spec("fc 120"), (LayerSpec{Kind::fully_connected, 120, 0, 0}));
}

TEST(LayerSpec, IsWrittenAsItIsRead) {
  for (const auto* text : {"conv 16 kernel 5", "conv 6 kernel 3 padding 1", "pool 15", "fc 65536",
                           "conv 8 kernel 3 stride 2 padding 1 leaky-relu", "conv 8 kernel 1 stride 2",
                           "fc 10 identity", "average-pool 3", "global-average-pool"})
    EXPECT_EQ(to_string(parse_layer_spec(text)), text);
  EXPECT_EQ(to_string(parse_layer_spec("conv 6 kernel 3 padding 0")), "conv 6 kernel 3");
}

TEST(LayerSpec, OfAnotherFormIsRefusedWithTheForms) {
  for (const std::string text : {"",
                                 "conv",
                                 "conv 16",
                                 "conv 16 kernel",
                                 "conv 16 padding 1",
                                 "conv 16 kernel 3 padding",
                                 "conv kernel 3",
                                 "conv 16 kernel 3 stride",
                                 "conv 16 kernel 3 padding 1 stride 2",
                                 "conv 16 kernel 3 tanh padding 1",
                                 "conv 16 kernel 3 softmax",
                                 "average-pool",
                                 "average-pool 2 relu",
                                 "global-average-pool 2",
                                 "fc 10 Tanh",
                                 "conv 16 padding 1 kernel 3",
                                 "conv 16 kernel 3 kernel 5",
                                 "conv 16 kernel 3x3",
                                 "conv 1.5 kernel 3",
                                 "pool",
                                 "pool 2 2",
                                 "pool two",
                                 "fc",
                                 "fc 10 10",
                                 "fc 99999999999",
                                 "dense 10",
                                 "Conv 16 kernel 3"})
    EXPECT_EQ(
        message_of<ConfigError>([&] { (void)parse_layer_spec(text); }),
        "\"" + text +
            "\" is not a layer; write \"conv CHANNELS kernel SIDE\" (and \"stride STEP\", \"padding ZEROS\" and an "
            "activation behind it), \"pool SIDE\", \"average-pool SIDE\", \"global-average-pool\" or \"fc UNITS\" "
            "(and an activation)");
}

TEST(LayerSpec, OutOfRangeIsRefusedWithTheRange) {
  const auto message = [](std::string_view text) {
    return message_of<ConfigError>([&] { (void)parse_layer_spec(text); });
  };
  EXPECT_EQ(message("conv 0 kernel 3"), "\"conv 0 kernel 3\": channels = 0 must be 1 to 65536");
  EXPECT_EQ(message("conv 4 kernel 65"), "\"conv 4 kernel 65\": kernel = 65 must be 1 to 64");
  EXPECT_EQ(message("conv 4 kernel 3 padding 3"), "\"conv 4 kernel 3 padding 3\": padding = 3 must be 0 to 2");
  EXPECT_EQ(message("conv 4 kernel 3 padding -1"), "\"conv 4 kernel 3 padding -1\": padding = -1 must be 0 to 2");
  EXPECT_EQ(message("conv 4 kernel 3 stride 0"), "\"conv 4 kernel 3 stride 0\": stride = 0 must be 1 to 64");
  EXPECT_EQ(message("average-pool 1"), "\"average-pool 1\": side = 1 must be 2 to 1024");
  EXPECT_EQ(message("pool 1"), "\"pool 1\": side = 1 must be 2 to 15");
  EXPECT_EQ(message("pool 16"), "\"pool 16\": side = 16 must be 2 to 15");
  EXPECT_EQ(message("fc -5"), "\"fc -5\": units = -5 must be 1 to 65536");
}

TEST(BuildNetwork, LayersFillTheWeightVectorWithoutGaps) {
  const auto network =
      build_network({2, 9, 11}, specs({"conv 3 kernel 4 padding 1", "pool 2", "conv 5 kernel 2", "fc 7"}), 4);
  std::size_t offset = 0;
  for (const auto& layer : network.layers) {
    EXPECT_EQ(layer.weights, offset) << layer.name;
    EXPECT_EQ(layer.bias, offset + layer.size()) << layer.name;
    offset = layer.bias + static_cast<std::size_t>(layer.outputs);
  }
  EXPECT_EQ(network.parameters, offset);
}

// PyTorch's formula: floor((n + 2 padding - kernel)/stride) + 1.
TEST(BuildNetwork, StridesAndPoolsMakeImagesSmaller) {
  const auto network = build_network(
      {2, 11, 12},
      specs({"conv 3 kernel 4 stride 3 padding 1", "average-pool 2", "conv 5 kernel 1", "global-average-pool"}), 4);
  const auto& first = *network.layers[0].convolution;
  EXPECT_EQ(first.height(), 4);
  EXPECT_EQ(first.width(), 4);
  EXPECT_EQ(network.layers[0].output_features(), 3 * 2 * 2);
  EXPECT_EQ(network.layers[1].output_features(), 5);
  EXPECT_EQ(network.layers[2].inputs, 5);
}

TEST(BuildNetwork, LayersHaveTheNetworksActivationOrTheirOwn) {
  const auto network =
      build_network({1, 6, 6}, specs({"conv 3 kernel 3 relu", "fc 5", "fc 4 identity"}), 4, Activation::tanh);
  const std::vector<Activation> expected = {Activation::relu, Activation::tanh, Activation::identity,
                                            Activation::identity};
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(network.layers[i].activation, expected[i]) << i;
  EXPECT_TRUE(network.curved(1));
  EXPECT_FALSE(network.curved(2));
}

TEST(BuildNetwork, EveryLayerSeesWhatTheOneBeforeHandsOn) {
  // 9 x 11 with one zero around it and a kernel of 4: 8 x 10; pooled 4 x 5; a kernel of 2: 3 x 4.
  const auto network =
      build_network({2, 9, 11}, specs({"conv 3 kernel 4 padding 1", "pool 2", "conv 5 kernel 2", "fc 7"}), 4);
  ASSERT_EQ(network.layers.size(), 4U);
  const auto &first = network.layers[0], &second = network.layers[1];
  EXPECT_EQ(first.inputs, 2 * 4 * 4);
  EXPECT_EQ(first.output_positions(), 8 * 10);
  EXPECT_EQ(first.output_features(), 3 * 4 * 5);
  EXPECT_EQ(second.convolution->input, (ImageShape{3, 4, 5}));
  EXPECT_EQ(second.output_positions(), 3 * 4);
  EXPECT_EQ(second.convolution->pool, 1);
  EXPECT_EQ(network.layers[2].inputs, 5 * 3 * 4);
  EXPECT_EQ(network.layers[3].inputs, 7);
  EXPECT_EQ(network.inputs(), 2 * 9 * 11);
  EXPECT_EQ(network.classes(), 4);
}

TEST(BuildNetwork, PoolingLeavesOutWhatDoesNotFillASquare) {
  const auto network = build_network({1, 8, 11}, specs({"conv 2 kernel 1", "pool 3"}), 10);
  EXPECT_EQ(network.layers[0].convolution->pooled_height(), 2);
  EXPECT_EQ(network.layers[0].convolution->pooled_width(), 3);
  EXPECT_EQ(network.layers[1].inputs, 2 * 2 * 3);
}

TEST(BuildNetwork, TheLastLayerAloneHasNoReluAndIsAlwaysThere) {
  for (const auto& layers : {specs({}), specs({"fc 5"}), specs({"conv 2 kernel 3", "pool 2"})}) {
    const auto network = build_network({1, 8, 8}, layers, 3);
    for (const auto& layer : network.layers)
      EXPECT_EQ(layer.activation == Activation::relu, &layer != &network.layers.back());
    EXPECT_EQ(network.classes(), 3);
    EXPECT_FALSE(network.layers.back().convolution);
  }
}

TEST(BuildNetwork, FullyConnectedLayersAloneAreAnMlp) {
  const auto listed = build_network({1, 4, 5}, specs({"fc 6", "fc 6"}), 10), mlp = multilayer_perceptron(20, 2, 6, 10);
  EXPECT_EQ(listed.parameters, mlp.parameters);
  EXPECT_EQ(names(listed), names(mlp));
  EXPECT_FALSE(listed.convolutional());
}

// Two flops a weight and place; as many again for the weight gradient, and for the input gradient but in conv1.
TEST(BuildNetwork, FlopsCountEveryPlaceOfAConvolution) {
  const auto network = named("cnn-s1b", digit);
  const double conv1 = 2.0 * 144 * 784, conv2 = 2.0 * 12800 * 196, fc1 = 2.0 * 15680;
  EXPECT_EQ(network.forward_flops(), conv1 + conv2 + fc1);
  EXPECT_EQ(network.training_flops(), 2.0 * conv1 + 3.0 * (conv2 + fc1));
}

std::string refusal(const ImageShape& image, const std::vector<std::string_view>& layers) {
  return message_of<ConfigError>([&] { (void)build_network(image, specs(layers), 10); });
}

TEST(BuildNetwork, RefusesLayersLargerThanTheirInput) {
  EXPECT_EQ(refusal({1, 5, 4}, {"conv 2 kernel 5"}),
            "\"conv 2 kernel 5\" does not fit its input of 5 x 4; take a smaller kernel or more padding");
  EXPECT_EQ(refusal({1, 5, 4}, {"conv 2 kernel 3", "pool 3"}),
            "\"pool 3\" does not fit its input of 3 x 2; take a smaller side");
  EXPECT_EQ(refusal({1, 12, 12}, {"conv 6 kernel 5", "pool 2", "conv 16 kernel 5"}),
            "\"conv 16 kernel 5\" does not fit its input of 4 x 4; take a smaller kernel or more padding");
}

TEST(BuildNetwork, RefusesAnOrderThatHasNoMeaning) {
  EXPECT_EQ(refusal(digit, {"pool 2"}), "\"pool 2\" must stand right behind a convolution; move or remove it");
  EXPECT_EQ(refusal(digit, {"conv 2 kernel 3", "pool 2", "pool 2"}),
            "\"pool 2\" must stand right behind a convolution; move or remove it");
  EXPECT_EQ(refusal(digit, {"fc 10", "pool 2"}), "\"pool 2\" must stand right behind a convolution; move or remove it");
  EXPECT_EQ(refusal(digit, {"fc 10", "conv 2 kernel 3"}),
            "\"conv 2 kernel 3\" stands behind a fully connected layer; move it before");
}

TEST(BuildNetwork, RefusesMoreNumbersThanAnIntCounts) {
  EXPECT_EQ(refusal({1, 256, 256}, {"conv 40000 kernel 1"}),
            "layer conv1 would have 2621440000 outputs, more than 2147483647; take fewer channels or units");
  // Every such layer has 63 rows and columns more than the one before; 46369^2 is more than an int counts.
  EXPECT_EQ(refusal({1, 1, 1}, std::vector<std::string_view>(800, "conv 1 kernel 64 padding 63")),
            "layer conv736 would have 2150084161 outputs, more than 2147483647; take fewer channels or units");
  EXPECT_EQ(message_of<ConfigError>([] { (void)multilayer_perceptron(784, 2, 65536, 10); }),
            "layer fc2 would have 4294967296 weights, more than 2147483647; take fewer channels or units");
}

}  // namespace
}  // namespace flatsweep::architecture_test
