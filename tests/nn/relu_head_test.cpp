#include "flatsweep/nn/relu_head.hpp"

#include "flatsweep/base/random.hpp"
#include "nn/noise.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace flatsweep {
namespace {

// z_0 + step q errs by one rounding of its terms, the sum over the hidden units and the bias by one each.
void expect_logits(std::size_t samples, std::size_t hidden, std::size_t classes, float step) {
  SCOPED_TRACE(testing::Message() << samples << " samples, " << hidden << " hidden, " << classes << " classes, step "
                                  << step);
  const PaddedRows padded_rows(static_cast<int>(samples));
  const auto rows = static_cast<std::size_t>(padded_rows);
  Random random(1, RandomPurpose::simulation);
  const auto z = noise(rows * hidden, random), q = noise(rows * hidden, random);
  const auto w = noise(classes * hidden, random), b = noise(classes, random);
  std::vector<float> logits(rows * classes + 1, -7.0F);
  relu_head_logits(
      {z.data(), q.data(), padded_rows, static_cast<int>(hidden), w.data(), b.data(), static_cast<int>(classes)}, step,
      logits.data());
  for (std::size_t c = 0; c < classes; ++c)
    for (std::size_t s = 0; s < samples; ++s) {
      double exact = b[c], magnitude = std::abs(b[c]);
      for (std::size_t j = 0; j < hidden; ++j) {
        const double moved = static_cast<double>(step) * q[s + j * rows];
        exact += w[c * hidden + j] * std::max(z[s + j * rows] + moved, 0.0);
        magnitude += std::abs(w[c * hidden + j]) * (std::abs(z[s + j * rows]) + std::abs(moved));
      }
      ASSERT_NEAR(logits[s + c * rows], exact, static_cast<double>(hidden + 3) * 0x1p-24 * magnitude) << s << ", " << c;
    }
  EXPECT_EQ(logits.back(), -7.0F) << "written past the logits";
}

TEST(ReluHead, EqualsAPlainLoop) {
  for (const std::size_t samples : {32, 64, 256})
    for (const std::size_t hidden : {1, 7, 50})
      for (const std::size_t classes : {1, 2, 9, 10, 11, 16, 23})
        for (const float step : {0.0F, 0.5F, -3.0F}) expect_logits(samples, hidden, classes, step);
}

// Registers are taken two at a time where there are many: 16 rows, or an odd number of pairs, leave one over.
TEST(ReluHead, EqualsAPlainLoopForEveryNumberOfSamplesAndClasses) {
  for (std::size_t samples = 1; samples <= 70; ++samples) expect_logits(samples, 7, 10, 0.5F);
  for (std::size_t classes = 1; classes <= 40; ++classes)
    for (const std::size_t samples : {1, 16, 17, 48}) expect_logits(samples, 3, classes, -1.5F);
}

}  // namespace
}  // namespace flatsweep
