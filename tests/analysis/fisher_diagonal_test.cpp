#include "flatsweep/analysis/fisher_diagonal.hpp"

#include "analysis/toy_minibatches.hpp"
#include "flatsweep/base/index.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::fisher_diagonal_test {
namespace {

using Index = Index;

/// d l_n/d w of one sample with the label it is given, by differences of plain loops. They err by 1e-12.
double gradient(const ToyMinibatches& toy, std::size_t sample, int label, std::size_t weight) {
  const auto loss = [&](long double step) {
    Wide moved = widen(toy.weights);
    moved[weight] += step;
    return plain_loss(plain_logits(toy.network, moved, toy.images.set.image(sample)), static_cast<std::size_t>(label));
  };
  constexpr long double h = 1e-6L;
  return static_cast<double>((loss(h) - loss(-h)) / (2.0L * h));
}

double exact(const ToyMinibatches& toy, std::size_t weight) {
  double sum = 0.0;
  for (std::size_t n = 0; n < 40; ++n) {
    const auto logits = plain_logits(toy.network, widen(toy.weights), toy.images.set.image(n));
    for (int c = 0; c < toy.network.classes(); ++c)
      sum += static_cast<double>(std::exp(-plain_loss(logits, static_cast<std::size_t>(c)))) *
             std::pow(gradient(toy, n, c, weight), 2);
  }
  return sum / 40.0;
}

double empirical(const ToyMinibatches& toy, std::size_t weight) {
  double sum = 0.0;
  for (std::size_t n = 0; n < 40; ++n) sum += std::pow(gradient(toy, n, toy.images.labels[n], weight), 2);
  return sum / 40.0;
}

double batched(const ToyMinibatches& toy, std::size_t weight) {
  double sum = 0.0;
  for (std::size_t mu = 0; mu < 4; ++mu) {
    double mean = 0.0;
    for (const auto n : toy.minibatch(mu)) mean += gradient(toy, n, toy.images.labels[n], weight) / 10.0;
    sum += mean * mean;
  }
  return sum / 4.0;
}

FisherDiagonals measure(const ToyMinibatches& toy, int layer) {
  return fisher_diagonals(Communicator::world(), toy.network, toy.weights, layer, toy.images.set, ToyMinibatches::batch,
                          toy.order);
}

// Gradients in single precision err by about 1e-6 of their size; one kink in a difference is unlikely and would show.
void expect_diagonals(const ToyMinibatches& toy, int layer) {
  const auto found = measure(toy, layer);
  const Index size = std::ssize(toy.at(layer));
  ASSERT_EQ(found.exact.size(), size);
  for (Index j = 0; j < size; j += 1 + size / 7) {
    const auto weight = toy.at(layer).weights + static_cast<std::size_t>(j);
    const double scale = 1e-5 * found.exact.maxCoeff();
    EXPECT_NEAR(found.exact(j), exact(toy, weight), 1e-5 * exact(toy, weight) + scale) << j;
    EXPECT_NEAR(found.empirical(j), empirical(toy, weight), 1e-5 * empirical(toy, weight) + scale) << j;
    EXPECT_NEAR(found.batched(j), batched(toy, weight), 1e-5 * batched(toy, weight) + scale) << j;
  }
}

TEST(FisherDiagonal, OfFullyConnectedLayers) {
  const auto toy = ToyMinibatches::dense();
  for (const int layer : {0, 1, 2}) expect_diagonals(toy, layer);
}

TEST(FisherDiagonal, OfConvolutionsAndOfWhatIsBehindThem) {
  const auto toy = ToyMinibatches::convolutional();
  for (const int layer : {0, 1, 2}) expect_diagonals(toy, layer);
}

// The three differ: what one tool calls Fisher is not what another does.
TEST(FisherDiagonal, TheThreeAreNotTheSame) {
  const auto found = measure(ToyMinibatches::dense(), 1);
  EXPECT_GT((found.exact - found.empirical).norm(), 0.05 * found.exact.norm());
  EXPECT_GT((found.empirical - found.batched).norm(), 0.3 * found.empirical.norm());
}

}  // namespace
}  // namespace flatsweep::fisher_diagonal_test
