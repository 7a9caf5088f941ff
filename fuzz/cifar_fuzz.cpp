// The reader of CIFAR-10's binary files against the format's definition. The first byte of an input says how many
// images are asked for, the second where the rest is cut into two files.
#include "flatsweep/base/error.hpp"
#include "flatsweep/data/cifar.hpp"
#include "fuzz.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace flatsweep {
namespace {

constexpr std::size_t pixels_of_image = 3 * 32 * 32;
constexpr std::size_t record = 1 + pixels_of_image;

bool well_formed(std::string_view file) {
  if (file.empty() || file.size() % record != 0) return false;
  for (std::size_t i = 0; i < file.size(); i += record)
    if (static_cast<unsigned char>(file[i]) > 9) return false;
  return true;
}

/// @return whether the files were read
bool read(const std::array<std::string_view, 2>& contents, std::size_t wanted, std::string& pixels,
          std::string& labels) {
  static std::array<InputFile, 2> files;
  const std::array paths{files[0].path(), files[1].path()};
  std::int64_t count = 0;
  try {
    for (std::size_t i = 0; i < files.size(); ++i) {
      files[i].write(contents[i]);
      count += count_cifar_images(paths[i]);
    }
    wanted = std::min(wanted, static_cast<std::size_t>(count));
    pixels.resize(wanted * pixels_of_image);
    labels.resize(wanted);
    read_cifar_images(paths, std::as_writable_bytes(std::span(pixels)), std::as_writable_bytes(std::span(labels)));
  } catch (const ConfigError&) {
    return false;
  }
  return true;
}

void check(std::size_t wanted, std::string_view bytes, std::size_t cut) {
  const std::array contents{bytes.substr(0, cut), bytes.substr(cut)};
  std::string pixels, labels;
  const bool done = read(contents, wanted, pixels, labels);
  require(done == std::ranges::all_of(contents, well_formed),
          done ? "a damaged file is read" : "a sound file is refused");
  if (!done) return;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    require(labels[i] == bytes[i * record], "a label is not the one in the file");
    require(std::string_view(pixels).substr(i * pixels_of_image, pixels_of_image) ==
                bytes.substr(i * record + 1, pixels_of_image),
            "an image is not the one in the file");
  }
}

}  // namespace
}  // namespace flatsweep

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  // In whole records, so that both files are sound for many inputs.
  const std::size_t cut = std::min(bytes.size(), data[1] % 8 * flatsweep::record);
  flatsweep::check(data[0], bytes, cut);
  return 0;
}
