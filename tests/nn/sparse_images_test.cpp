#include "flatsweep/nn/sparse_images.hpp"

#include "flatsweep/nn/matrix_product.hpp"
#include "nn/noise.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::sparse_images_test {
namespace {

/// Images of which a share of pixels is not 0, and weights and errors of noise.
struct Case {
  Case(int features_, int outputs_, int images_, double share)
      : features(static_cast<std::size_t>(features_)),
        outputs(static_cast<std::size_t>(outputs_)),
        images(static_cast<std::size_t>(images_)),
        rows(images_),
        ld(static_cast<std::size_t>(rows)),
        sparse(features_, outputs_, images_) {
    Random random(1, RandomPurpose::simulation);
    for (std::size_t i = 0; i < images * features; ++i) {
      bytes.push_back(random.uniform() < share ? static_cast<std::uint8_t>(1 + random.below(255)) : std::uint8_t{0});
      x.push_back(static_cast<float>(bytes.back()) / 255.0F);
    }
    for (std::size_t i = 0; i < images; ++i) pointers.push_back(bytes.data() + i * features);
    w = noise(outputs * features, random);
    errors = noise(ld * outputs, random);
  }
  std::size_t features, outputs, images;
  PaddedRows rows;
  std::size_t ld;
  SparseImages sparse;
  std::vector<std::uint8_t> bytes;
  std::vector<const std::uint8_t*> pointers;
  std::vector<float> x, w, errors;
};

struct Sum {
  double value = 0.0, magnitude = 0.0;
  void add(double term) {
    value += term;
    magnitude += std::abs(term);
  }
  /// Every one of n additions errs by half a unit in the last place of what has been summed.
  [[nodiscard]] double tolerance(std::size_t n) const { return static_cast<double>(n + 1) * 0x1p-24 * magnitude; }
};

/// Calls check(case) for sizes around those of registers, blocks, tiles and chunks.
template <class Check>
void for_each_case(Check check) {
  for (const auto& [features, outputs, images, share] : {std::tuple{784, 50, 50, 0.2},
                                                         {16, 1, 1, 0.5},
                                                         {48, 10, 64, 0.1},
                                                         {32, 64, 65, 0.3},
                                                         {160, 65, 17, 0.05},
                                                         {96, 200, 130, 0.2},
                                                         {64, 20, 500, 0.02},
                                                         {32, 33, 3, 1.0},
                                                         {16, 16, 16, 0.0}}) {
    SCOPED_TRACE(testing::Message() << features << " pixels, " << outputs << " outputs, " << images << " images");
    Case c(features, outputs, images, share);
    (void)c.sparse.scan(c.pointers);
    check(c);
  }
}

TEST(SparseImages, ProductEqualsPlainLoops) {
  for_each_case([](Case& c) {
    std::vector<float> z(c.ld * c.outputs, std::nanf(""));
    c.sparse.multiply(c.x.data(), c.w.data(), z.data(), c.rows);
    for (std::size_t o = 0; o < c.outputs; ++o)
      for (std::size_t i = 0; i < c.images; ++i) {
        Sum sum;
        for (std::size_t f = 0; f < c.features; ++f)
          sum.add(static_cast<double>(c.x[i * c.features + f]) * c.w[o * c.features + f]);
        ASSERT_NEAR(z[o * c.ld + i], sum.value, sum.tolerance(c.features)) << "image " << i << " output " << o;
      }
  });
}

TEST(SparseImages, GradientEqualsPlainLoops) {
  for_each_case([](Case& c) {
    std::vector<float> gradient(c.outputs * c.features, std::nanf(""));
    c.sparse.gradient(c.x.data(), c.errors.data(), c.rows, gradient.data());
    for (std::size_t o = 0; o < c.outputs; ++o)
      for (std::size_t f = 0; f < c.features; ++f) {
        Sum sum;
        for (std::size_t i = 0; i < c.images; ++i)
          sum.add(static_cast<double>(c.x[i * c.features + f]) * c.errors[o * c.ld + i]);
        ASSERT_NEAR(gradient[o * c.features + f], sum.value, sum.tolerance(c.images))
            << "output " << o << " pixel " << f;
      }
  });
}

// A second minibatch must not see marks of the one before.
TEST(SparseImages, ScansAnew) {
  Case c(32, 5, 7, 0.5);
  (void)c.sparse.scan(c.pointers);
  std::fill(c.bytes.begin(), c.bytes.end(), std::uint8_t{0});
  (void)c.sparse.scan(c.pointers);
  std::vector<float> z(c.ld * c.outputs, 1.0F);
  c.sparse.multiply(c.x.data(), c.w.data(), z.data(), c.rows);
  for (std::size_t o = 0; o < c.outputs; ++o)
    for (std::size_t i = 0; i < c.images; ++i) EXPECT_EQ(z[o * c.ld + i], 0.0F);
}

TEST(SparseImages, PaysForImagesThatAreMostlyBlackInLargeMinibatchesOnly) {
  Case dark(784, 50, 50, 0.05), bright(784, 50, 50, 0.9), single(784, 50, 1, 0.05);
  EXPECT_TRUE(dark.sparse.scan(dark.pointers));
  EXPECT_FALSE(bright.sparse.scan(bright.pointers));
  EXPECT_FALSE(single.sparse.scan(single.pointers));
}

TEST(SparseImages, SuitsWholeBlocksOfPixels) {
  EXPECT_TRUE(SparseImages::suits(784));
  EXPECT_FALSE(SparseImages::suits(18));
}

}  // namespace
}  // namespace flatsweep::sparse_images_test
