#include "flatsweep/data/idx.hpp"

#include "base/thrown.hpp"
#include "data/idx_files.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/random.hpp"
#include "properties.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flatsweep::idx_test {
namespace {

using testing::HasSubstr;

std::string noise(std::size_t count) {
  Random random(1, RandomPurpose::simulation);
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) bytes += static_cast<char>(random.below(256));
  return bytes;
}

std::string read(const std::filesystem::path& file) {
  std::string data(read_idx_header(file).size(), '\0');
  read_idx_data(file, std::as_writable_bytes(std::span(data)));
  return data;
}

class IdxTest : public testing::Test {
 protected:
  /// What reading says of a file of these bytes; the name is part of it.
  std::string complaint(const std::string& bytes) {
    spill(file, bytes);
    return complaint_of_file();
  }
  std::string complaint_of_file() {
    auto message = message_of<ConfigError>([&] { (void)read(file); });
    EXPECT_THAT(message, HasSubstr(file.string()));
    return message;
  }
  const Scratch scratch;
  const std::filesystem::path file = scratch / "some-idx3-ubyte";
};

TEST_F(IdxTest, ReadsImagesAndLabelsPlainAndCompressed) {
  const auto data = noise(5 * 3 * 4);
  for (const auto& shape : {std::vector<std::uint32_t>{5, 3, 4}, std::vector<std::uint32_t>{60}}) {
    spill(file, idx_bytes(shape, data));
    EXPECT_EQ(read_idx_header(file).shape, shape);
    EXPECT_EQ(read(file), data);
    spill_gzip(file, idx_bytes(shape, data));
    EXPECT_EQ(read_idx_header(file).shape, shape);
    EXPECT_EQ(read(file), data);
  }
}

TEST_F(IdxTest, NamesAMissingFile) { EXPECT_THAT(complaint_of_file(), HasSubstr("cannot be opened")); }

TEST_F(IdxTest, NamesATruncatedFile) {
  const auto whole = idx_bytes({5, 3, 4}, noise(60));
  EXPECT_THAT(complaint(whole.substr(0, whole.size() - 1)), HasSubstr("cut short: 59 bytes of data, expected 60"));
  for (const std::size_t length : {0U, 3U, 4U, 15U})
    EXPECT_THAT(complaint(whole.substr(0, length)), HasSubstr("ends within its header"));
}

TEST_F(IdxTest, NamesAFileLongerThanItsHeader) {
  EXPECT_THAT(complaint(idx_bytes({5, 3, 4}, noise(61))), HasSubstr("longer than its header says"));
}

TEST_F(IdxTest, NamesAWrongMagicNumber) {
  for (const auto* magic : {"\x01\x00\x08\x01", "\x00\x00\x0a\x01", "\x00\x00\x08\x05", "\x00\x00\x08\x00", "{\"a\""})
    EXPECT_THAT(complaint(std::string(magic, 4) + noise(60)), HasSubstr("wrong magic number"));
}

TEST_F(IdxTest, NamesAbsurdSizes) {
  EXPECT_THAT(complaint(idx_bytes({5, 0, 4}, "")), HasSubstr("sizes in its header"));
  // The product is 2^96, which is 0 in 64 bits.
  EXPECT_THAT(complaint(idx_bytes({0x80000000U, 0x80000000U, 0x80000000U}, noise(60))),
              HasSubstr("sizes in its header"));
  EXPECT_THAT(complaint(idx_bytes({60000, 65536, 65536}, noise(60))), HasSubstr("sizes in its header"));
  // The pixels of one image are 2^32, which is 0 in 32 bits.
  EXPECT_THAT(complaint(idx_bytes({1, 65536, 65536}, noise(60))), HasSubstr("sizes in its header"));
}

TEST_F(IdxTest, BelievesNoHeaderThatPromisesMoreThanSuchAFileHolds) {
  // 64 GiB in 76 bytes; compressed or not, memory is not taken for them.
  const auto bytes = idx_bytes({0x04000000U, 32, 32}, noise(60));
  EXPECT_THAT(complaint(bytes), HasSubstr("cut short: 76 bytes, and its header promises 68719476736"));
  spill_gzip(file, bytes);
  EXPECT_THAT(complaint_of_file(), HasSubstr("its header promises 68719476736"));
}

TEST_F(IdxTest, ReadsWhatCompressesBest) {
  const std::string zeros(1 << 20, '\0');
  spill_gzip(file, idx_bytes({1 << 20}, zeros));
  EXPECT_EQ(read(file), zeros);
}

TEST_F(IdxTest, NamesADamagedGzipStream) {
  spill_gzip(file, idx_bytes({100, 10, 10}, noise(10000)));
  const auto sound = slurp(file);
  for (const std::size_t at : {sound.size() / 2, sound.size() - 8}) {  // in the data; in the checksum behind them
    auto damaged = sound;
    damaged[at] = static_cast<char>(~damaged[at]);
    EXPECT_THAT(complaint(damaged), HasSubstr("gzip stream is damaged"));
  }
  EXPECT_THAT(complaint(sound.substr(0, sound.size() / 2)), HasSubstr("cut short"));
}

std::vector<std::uint32_t> any_shape() {
  std::vector<std::uint32_t> shape{*rc::gen::inRange(1U, 20U)};
  if (*rc::gen::arbitrary<bool>())
    for (int axis = 0; axis < 2; ++axis) shape.push_back(*rc::gen::inRange(1U, 12U));
  return shape;
}

std::string any_data(const std::vector<std::uint32_t>& shape) {
  std::size_t size = 1;
  for (const auto n : shape) size *= n;
  return *rc::gen::container<std::string>(size, rc::gen::arbitrary<char>());
}

TEST_F(IdxTest, AnySetComesBackPlainAndCompressed) {
  check_property(60, [&] {
    const auto shape = any_shape();
    const auto data = any_data(shape);
    for (auto* const write : {&spill, &spill_gzip}) {
      write(file, idx_bytes(shape, data));
      RC_ASSERT(read_idx_header(file).shape == shape);
      RC_ASSERT(read(file) == data);
    }
  });
}

TEST_F(IdxTest, NoPartOfASetAndNoLongerOneIsRead) {
  check_property(60, [&] {
    const auto shape = any_shape();
    const auto whole = idx_bytes(shape, any_data(shape));
    const auto cut =
        whole.substr(0, *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(std::size_t{0}, whole.size())));
    const auto longer = whole + *rc::gen::suchThat(any_bytes(), [](const auto& bytes) { return !bytes.empty(); });
    for (const auto& bad : {cut, longer})
      for (auto* const write : {&spill, &spill_gzip}) {
        write(file, bad);
        RC_ASSERT_THROWS_AS(read(file), ConfigError);
      }
  });
}

TEST_F(IdxTest, AnyBytesAreRefusedOrReadAsTheyStand) {
  check_property(200, [&] {
    auto bytes = *any_bytes();
    if (*rc::gen::arbitrary<bool>()) bytes = big_endian(0x801) + bytes;
    spill(file, bytes);
    try {
      const auto data = read(file);
      RC_ASSERT(data == bytes.substr(8));
    } catch (const ConfigError&) {
    }
  });
}

}  // namespace
}  // namespace flatsweep::idx_test
