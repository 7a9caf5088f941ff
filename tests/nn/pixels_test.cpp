#include "flatsweep/nn/pixels.hpp"

#include "flatsweep/base/random.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <vector>

namespace flatsweep::pixels_test {
namespace {

/// Images of noise, each in memory of its own, so that a read past an end is seen by the sanitizers.
class Images {
 public:
  Images(int samples, int features) {
    Random random(samples, RandomPurpose::simulation, static_cast<std::uint64_t>(features));
    for (int s = 0; s < samples; ++s) {
      auto& image = images_.emplace_back(std::make_unique<std::uint8_t[]>(static_cast<std::size_t>(features)));
      for (int f = 0; f < features; ++f) image[f] = static_cast<std::uint8_t>(random.below(256));
      pointers_.push_back(image.get());
    }
  }
  [[nodiscard]] std::span<const std::uint8_t* const> get() const { return pointers_; }
  [[nodiscard]] double pixel(std::size_t s, std::size_t f) const { return pointers_[s][f] / 255.0; }

 private:
  std::vector<std::unique_ptr<std::uint8_t[]>> images_;
  std::vector<const std::uint8_t*> pointers_;
};

// One rounding of 1/255 and one of the product, each at most 2^-24 of the value.
void expect_pixel(float value, double pixel) { ASSERT_NEAR(value, pixel, 0x1p-23 * pixel); }

TEST(ScalePixels, GivesBytesOver255OneImageAfterAnother) {
  for (int samples = 1; samples <= 40; ++samples)
    for (const int features : {1, 15, 16, 17, 784}) {
      SCOPED_TRACE(testing::Message() << samples << " images of " << features << " pixels");
      const Images images(samples, features);
      const auto columns = static_cast<std::size_t>(features);
      std::vector<float> out(columns * static_cast<std::size_t>(samples) + 1, std::numeric_limits<float>::quiet_NaN());
      out.back() = -7.0F;
      scale_pixels(images.get(), PixelType::bytes, features, out.data());
      for (std::size_t i = 0; i + 1 < out.size(); ++i) expect_pixel(out[i], images.pixel(i / columns, i % columns));
      EXPECT_EQ(out.back(), -7.0F) << "written past the last image";
    }
}

TEST(ScalePixels, TurnsAllBytesIntoTheUnitInterval) {
  std::vector<std::uint8_t> bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<std::uint8_t>(i));
  const std::uint8_t* image = bytes.data();
  std::vector<float> out(256);
  scale_pixels({&image, 1}, PixelType::bytes, 256, out.data());
  EXPECT_EQ(out.front(), 0.0F);
  EXPECT_EQ(out.back(), 1.0F);
  for (int i = 0; i < 256; ++i) expect_pixel(out[i], i / 255.0);
}

}  // namespace
}  // namespace flatsweep::pixels_test
