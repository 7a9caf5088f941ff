#include "flatsweep/nn/row_products.hpp"

#include "flatsweep/base/random.hpp"
#include "nn/noise.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace flatsweep::row_products_test {
namespace {

struct Shape {
  std::size_t samples, inputs, outputs, ldx, ldz;
};

// Any order of summing k products in single precision errs by less than (k + 1) 2^-24 of the sum of their magnitudes.
void expect_products(const Shape& shape) {
  SCOPED_TRACE(testing::Message() << shape.samples << " x " << shape.inputs << " x " << shape.outputs);
  Random random(1, RandomPurpose::simulation);
  const auto x = noise((shape.samples - 1) * shape.ldx + shape.inputs, random);  // nothing behind the last number
  const auto w = noise(shape.outputs * shape.inputs, random);
  std::vector<float> z(shape.outputs * shape.ldz, -7.0F);
  multiply_rows(x.data(), shape.ldx, static_cast<int>(shape.samples), w.data(), static_cast<int>(shape.inputs),
                static_cast<int>(shape.outputs), z.data(), shape.ldz);
  for (std::size_t o = 0; o < shape.outputs; ++o)
    for (std::size_t s = 0; s < shape.ldz; ++s) {
      const double out = z[o * shape.ldz + s];
      if (s >= shape.samples) {
        ASSERT_EQ(out, -7.0) << "row " << s << " is past the samples";
        continue;
      }
      double exact = 0.0, magnitude = 0.0;
      for (std::size_t k = 0; k < shape.inputs; ++k) {
        const double term = static_cast<double>(x[s * shape.ldx + k]) * w[o * shape.inputs + k];
        exact += term;
        magnitude += std::abs(term);
      }
      ASSERT_NEAR(out, exact, static_cast<double>(shape.inputs + 1) * 0x1p-24 * magnitude) << s << ", " << o;
    }
}

TEST(MultiplyRows, EqualsThePlainTripleLoop) {
  for (const std::size_t samples : {1, 4, 5, 6, 11, 16, 50})
    for (const std::size_t inputs : {1, 15, 16, 17, 33, 784})
      for (const std::size_t outputs : {1, 4, 5, 6, 10, 50})
        expect_products({samples, inputs, outputs, inputs, samples});
}

TEST(MultiplyRows, TakesLeadingDimensionsBeyondItsSizes) {
  for (const std::size_t samples : {3, 7, 50}) expect_products({samples, 20, 9, 31, 64});
}

}  // namespace
}  // namespace flatsweep::row_products_test
