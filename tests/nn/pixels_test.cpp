#include "flatsweep/nn/pixels.hpp"

#include "flatsweep/base/random.hpp"
#include "flatsweep/nn/matrix_product.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <vector>

namespace flatsweep {
namespace {

/// Images of noise, each in memory of its own, so that a read past an end is seen by the sanitizers.
class Images {
 public:
  Images(int samples, int features) {
    Random random(samples, RandomPurpose::simulation, static_cast<std::uint64_t>(features));
    for (int s = 0; s < samples; ++s) {
      auto& image = images_.emplace_back(std::make_unique<std::uint8_t[]>(static_cast<std::size_t>(features)));
      for (int f = 0; f < features; ++f) image[static_cast<std::size_t>(f)] = static_cast<std::uint8_t>(random.below(256));
      pointers_.push_back(image.get());
    }
  }
  [[nodiscard]] std::span<const std::uint8_t* const> get() const { return pointers_; }
  [[nodiscard]] double pixel(int s, int f) const { return pointers_[static_cast<std::size_t>(s)][f] / 255.0; }

 private:
  std::vector<std::unique_ptr<std::uint8_t[]>> images_;
  std::vector<const std::uint8_t*> pointers_;
};

// One rounding of 1/255 and one of the product, each at most 2^-24 of the value.
void expect_pixel(float value, double pixel) { ASSERT_NEAR(value, pixel, 0x1p-23 * pixel); }

void expect_scaled(int samples, int features, int ld) {
  SCOPED_TRACE(testing::Message() << samples << " images of " << features << " pixels, leading dimension " << ld);
  const Images images(samples, features);
  const float garbage = std::numeric_limits<float>::quiet_NaN();
  const auto columns = static_cast<std::size_t>(features);
  std::vector<float> by_feature(columns * static_cast<std::size_t>(samples), garbage);
  std::vector<float> by_sample(columns * static_cast<std::size_t>(ld), garbage);
  scale_pixels(images.get(), features, by_feature.data(), by_sample.data(), ld);
  for (int f = 0; f < features; ++f) {
    const float* column = by_sample.data() + static_cast<std::ptrdiff_t>(f) * ld;
    for (int s = 0; s < samples; ++s) {
      expect_pixel(by_feature[static_cast<std::size_t>(s) * columns + static_cast<std::size_t>(f)], images.pixel(s, f));
      expect_pixel(column[s], images.pixel(s, f));
    }
    for (int s = samples; s < padded(samples); ++s) ASSERT_EQ(column[s], 0.0F) << "row " << s << " is padding";
  }
}

TEST(ScalePixels, GivesBytesOver255InBothLayouts) {
  for (int samples = 1; samples <= 40; ++samples)
    for (const int features : {1, 15, 16, 17, 784}) expect_scaled(samples, features, padded(samples));
}

TEST(ScalePixels, TakesALeadingDimensionBeyondTheSamples) {
  for (const int samples : {1, 16, 17}) expect_scaled(samples, 50, 256);
}

TEST(ScalePixels, NeedsNoLayoutByFeature) {
  const Images images(5, 20);
  std::vector<float> by_sample(20 * 16);
  scale_pixels(images.get(), 20, nullptr, by_sample.data(), 16);
  expect_pixel(by_sample[16 * 7 + 3], images.pixel(3, 7));
}

TEST(ScalePixels, TurnsAllBytesIntoTheUnitInterval) {
  std::vector<std::uint8_t> bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<std::uint8_t>(i));
  const std::uint8_t* image = bytes.data();
  std::vector<float> out(256), by_sample(256 * 16);
  scale_pixels({&image, 1}, 256, out.data(), by_sample.data(), 16);
  EXPECT_EQ(out.front(), 0.0F);
  EXPECT_EQ(out.back(), 1.0F);
  for (int i = 0; i < 256; ++i) expect_pixel(out[static_cast<std::size_t>(i)], i / 255.0);
}

}  // namespace
}  // namespace flatsweep
