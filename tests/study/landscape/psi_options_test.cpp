#include "study/landscape/psi_options.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::psi_options_test {
namespace {

double crossover(Sampling sampling, OptimizerKind optimizer, std::int64_t samples = 1000) {
  Config config;
  config.window.epochs = 5;
  config.train.optimizer.momentum = 0.9;
  Replica replica;
  replica.batch_size = 10;
  replica.learning_rate = 0.1;
  replica.sampling = sampling;
  replica.optimizer = optimizer;
  return psi_options(config, replica, samples).crossover;
}

// 100 iterations an epoch: 3/(0.1 * 100) = 0.3, five epochs of them in the window.
TEST(PsiOptions, HaveTheCrossoverOfTheSampling) {
  EXPECT_NEAR(crossover(Sampling::reshuffle, OptimizerKind::sgd), 0.3, 1e-12);
  EXPECT_NEAR(crossover(Sampling::reshuffle, OptimizerKind::momentum), 0.03, 1e-12);
  EXPECT_NEAR(crossover(Sampling::reshuffle, OptimizerKind::nesterov), 0.03, 1e-12);
  EXPECT_NEAR(crossover(Sampling::fixed_partition, OptimizerKind::sgd), 0.3, 1e-12);
  EXPECT_NEAR(crossover(Sampling::shuffle_once, OptimizerKind::sgd), 0.6, 1e-12);
  EXPECT_NEAR(crossover(Sampling::with_replacement, OptimizerKind::sgd), 0.06, 1e-12);
}

TEST(PsiOptions, HaveNoCrossoverWhereNoneIsKnown) {
  for (const auto sampling : {Sampling::reshuffle, Sampling::with_replacement})
    EXPECT_TRUE(std::isnan(crossover(sampling, OptimizerKind::adam)));
  EXPECT_TRUE(std::isnan(crossover(Sampling::reshuffle, OptimizerKind::sgd, 1003)));
  EXPECT_NEAR(crossover(Sampling::fixed_partition, OptimizerKind::sgd, 1003), 0.3, 1e-12);
}

}  // namespace
}  // namespace flatsweep::psi_options_test
