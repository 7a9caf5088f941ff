#include "flatsweep/io/array_file.hpp"

#include "flatsweep/base/error.hpp"
#include "io/arrays/array_source.hpp"
#include "io/scratch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <optional>
#include <set>

namespace flatsweep::array_file_test {
namespace {

using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

/// Files that Python has written, once for all tests.
class ArrayFileTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder().emplace();
    const auto command = std::string(FLATSWEEP_PYTHON) + " " + FLATSWEEP_SOURCE_DIR + "/tests/io/foreign_arrays.py " +
                         (*folder() / "").string();
    ASSERT_EQ(std::system(command.c_str()), 0);
  }
  static void TearDownTestSuite() { folder().reset(); }
  static std::filesystem::path file(const std::string& name) { return *folder() / name; }

 private:
  static std::optional<Scratch>& folder() {
    static std::optional<Scratch> scratch;
    return scratch;
  }
};

/// -3, -2.875, ...: what foreign_arrays.py writes.
std::vector<double> eighths(std::size_t count) {
  std::vector<double> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<double>(i) / 8.0 - 3.0;
  return values;
}

const NamedArray<double>& array_named(const NamedArrays<double>& all, const std::string& name) {
  for (const auto& array : all.arrays)
    if (array.name == name) return array;
  throw std::runtime_error("no array " + name);
}

using Shape = std::vector<std::int64_t>;

void expect_array(const NamedArrays<double>& all, const std::string& name, const Shape& shape,
                  const std::vector<double>& values) {
  const auto& array = array_named(all, name);
  EXPECT_EQ(array.shape, shape) << name;
  EXPECT_EQ(array.values, values) << name;
}

template <class T>
std::vector<T> numbers(const std::filesystem::path& path) {
  const ArrayFile file(path);
  std::vector<T> values(file.list().arrays.at(0).count());
  file.read(0, std::span(values));
  return values;
}

/// What reading all of a file says; "" when it is read.
std::string complaint(const std::filesystem::path& path) {
  try {
    (void)read_arrays<double>(path);
    return "";
  } catch (const ConfigError& error) {
    return error.what();
  } catch (const IoError& error) {
    return error.what();
  }
}

void expect_same_numbers(const std::vector<float>& a, const std::vector<float>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_TRUE((std::isnan(a[i]) && std::isnan(b[i])) || (a[i] == b[i] && std::signbit(a[i]) == std::signbit(b[i])))
        << i << ": " << a[i] << " and " << b[i];
}

TEST_F(ArrayFileTest, ReadsEveryHalfPrecisionNumberAsNumpyDoes) {
  expect_same_numbers(numbers<float>(file("halves.npy")), numbers<float>(file("halves-as-singles.npy")));
  expect_same_numbers(numbers<float>(file("bfloats.safetensors")), numbers<float>(file("bfloats-as-singles.npy")));
}

TEST_F(ArrayFileTest, ReadsSafetensors) {
  const auto all = read_arrays<double>(file("model.safetensors"));
  EXPECT_THAT(all.metadata, UnorderedElementsAre(Pair("made by", "a test"), Pair("beta", "\u03b2")));
  ASSERT_EQ(all.arrays.size(), 4U);
  EXPECT_EQ(all.arrays[1].name, "fc1.bias") << "the order of the file is kept";
  expect_array(all, "fc1.weight", {4, 3}, eighths(12));
  expect_array(all, "fc1.bias", {4}, eighths(4));
  expect_array(all, "scale", {}, eighths(1));
  expect_array(all, "none", {0, 5}, {});
}

TEST_F(ArrayFileTest, ReadsEveryTypeAndOrderOfNumpy) {
  for (const std::string order : {"little", "big"})
    for (const std::string type : {"f2", "f4", "f8", "u1", "i4", "i8"})
      for (const std::string layout : {"C1", "F2", "C3"}) {
        const auto name = order + "-" + type + "-" + layout + ".npy";
        expect_array(read_arrays<double>(file(name)), "", {2, 3, 4}, type[0] == 'f' ? eighths(24) : ramp<double>(24));
      }
  expect_array(read_arrays<double>(file("number.npy")), "", {}, {2.5});
  expect_array(read_arrays<double>(file("empty.npy")), "", {0, 3}, {});
}

TEST_F(ArrayFileTest, ReadsSomeRows) {
  for (const auto* name : {"little-f4-C1.npy", "big-f8-F2.npy", "big-i4-F2.npy"}) {
    const ArrayFile open(file(name));
    std::vector<double> row(12);
    open.read_rows(0, {1, 2}, std::span(row));
    const auto whole = numbers<double>(file(name));
    EXPECT_EQ(row, std::vector<double>(whole.begin() + 12, whole.end())) << name;
  }
  for (const auto* name : {"deflated.npz", "stored.npz", "model.safetensors", "model.h5"}) {
    const ArrayFile open(file(name));
    const auto array = std::max(open.list().find("fc1.weight"), open.list().find("model/weight"));
    std::vector<double> rows(6);
    open.read_rows(array, {1, 3}, std::span(rows));
    const auto whole = eighths(12);
    EXPECT_EQ(rows, std::vector<double>(whole.begin() + 3, whole.begin() + 9)) << name;
  }
}

TEST_F(ArrayFileTest, ReadsArchivesWhateverTheirName) {
  for (const auto* name : {"stored.npz", "deflated.npz", "deflated-without-an-ending"}) {
    const auto all = read_arrays<double>(file(name));
    ASSERT_EQ(all.arrays.size(), 3U) << name;
    EXPECT_EQ(all.arrays[0].name, "fc1.weight") << name;
    expect_array(all, "fc1.weight", {4, 3}, eighths(12));
    expect_array(all, "deep/name", {3, 2}, eighths(6));
    expect_array(all, "n", {}, {7.0});
  }
}

TEST_F(ArrayFileTest, ReadsHdf5) {
  const auto all = read_arrays<double>(file("model.h5"));
  EXPECT_THAT(all.metadata, UnorderedElementsAre(Pair("alpha", "0.1"), Pair("seed", "3"), Pair("name", "\u03b2")));
  ASSERT_EQ(all.arrays.size(), 6U) << "the text is left out";
  expect_array(all, "model/weight", {4, 3}, eighths(12));
  expect_array(all, "model/half", {4}, eighths(4));
  expect_array(all, "model/big", {2, 2}, eighths(4));
  expect_array(all, "packed", {40, 3}, eighths(120));
  expect_array(all, "labels", {5}, ramp<double>(5));
  expect_array(all, "number", {}, {2.5});
  const auto ordered = list_arrays(file("ordered.h5")).arrays;
  ASSERT_EQ(ordered.size(), 3U);
  EXPECT_EQ(ordered[0].name + ordered[1].name + ordered[2].name, "zam") << "the order of creation, where it is kept";
}

TEST_F(ArrayFileTest, LooksBelowOneGroupOfHdf5Alone) {
  const auto model = open_hdf5_arrays(file("model.h5"), "model");
  std::set<std::string> names;
  for (const auto& array : model->list().arrays) names.insert(array.name);
  EXPECT_THAT(names, testing::ElementsAre("model/big", "model/half", "model/weight"));
  EXPECT_TRUE(open_hdf5_arrays(file("model.h5"), "none/at/all")->list().arrays.empty());
  EXPECT_TRUE(open_hdf5_arrays(file("bad/twice.h5"), "none")->list().arrays.empty()) << "what is refused stands beside";
}

TEST_F(ArrayFileTest, GivesWholeNumbersAndBytesToThoseWhoAskForThem) {
  EXPECT_EQ(numbers<std::int64_t>(file("big-i4-C1.npy")), ramp<std::int64_t>(24));
  EXPECT_EQ(numbers<std::uint8_t>(file("little-u1-F2.npy")), ramp<std::uint8_t>(24));
  EXPECT_THROW((void)numbers<std::uint8_t>(file("big-i4-C1.npy")), ConfigError);
  EXPECT_THROW((void)numbers<std::int64_t>(file("big-f4-C1.npy")), ConfigError);
}

TEST_F(ArrayFileTest, RefusesADoubleBeyondSinglePrecision) {
  const Scratch scratch;
  auto bytes = slurp(file("number.npy"));
  const double large = 1e300;
  bytes.replace(bytes.size() - sizeof large, sizeof large, reinterpret_cast<const char*>(&large), sizeof large);
  spill(scratch / "large.npy", bytes);
  EXPECT_EQ(numbers<double>(scratch / "large.npy"), std::vector<double>{1e300});
  EXPECT_THROW((void)numbers<float>(scratch / "large.npy"), ConfigError);
}

TEST_F(ArrayFileTest, RefusesRequestsPastTheArray) {
  const ArrayFile open(file("model.safetensors"));
  std::vector<float> row(3);
  EXPECT_THROW(open.read_rows(0, {4, 5}, std::span(row)), std::out_of_range);
  EXPECT_THROW(open.read_rows(0, {0, 2}, std::span(row)), std::out_of_range);
  EXPECT_THROW(open.read(4, std::span(row)), std::out_of_range);
  EXPECT_EQ(open.list().find("fc9"), -1);
}

TEST_F(ArrayFileTest, RefusesEveryBeginningOfAFile) {
  const Scratch scratch;
  for (const auto* name : {"model.safetensors", "little-f4-C1.npy", "big-f2-F2.npy", "stored.npz", "deflated.npz"}) {
    const auto whole = slurp(file(name));
    for (std::size_t size = 0; size < whole.size(); ++size) {
      spill(scratch / "cut", whole.substr(0, size));
      EXPECT_THAT(complaint(scratch / "cut"), HasSubstr("cannot read")) << name << " cut after " << size;
    }
  }
}

TEST_F(ArrayFileTest, SurvivesEveryTurnedBit) {
  const Scratch scratch;
  for (const auto* name : {"model.safetensors", "little-f4-C1.npy", "stored.npz", "deflated.npz"}) {
    const auto whole = slurp(file(name));
    for (std::size_t bit = 0; bit < 8 * whole.size(); bit += 11) {
      auto turned = whole;
      turned[bit / 8] = static_cast<char>(turned[bit / 8] ^ (1 << bit % 8));
      spill(scratch / "turned", turned);
      (void)complaint(scratch / "turned");
    }
  }
}

const std::map<std::string, std::string> messages = {
    {"header-too-long.safetensors", "its header would take 100000001 bytes"},
    {"header-past-end.safetensors", "it is cut short: its header takes 1000 bytes, and the file has 16"},
    {"outside.safetensors", "array 'a' ends at 16, and the file has 8 bytes of data"},
    {"overlap.safetensors", "array 'b' begins at 4, within the one before, which ends at 8"},
    {"same-place.safetensors", "array 'b' begins at 0, within the one before"},
    {"hole.safetensors", "array 'b' begins at 12, and the one before ends at 8: the format has no holes"},
    {"hole-before.safetensors", "array 'a' begins at 4, and the one before ends at 0"},
    {"tail.safetensors", "its arrays take 8 bytes, and the file has 9 bytes of data"},
    {"turned-round.safetensors", "its place is [8, 0)"},
    {"wrong-size.safetensors", "array 'a' of shape (3) and type F32 takes 12 bytes, and its place is [0, 8)"},
    {"overflow.safetensors", "is larger than any file"},
    {"overflow-behind-zero.safetensors", "is larger than any file"},
    {"shape-past-64-bits.safetensors", "at 'a'"},
    {"negative.safetensors", "at 'a'"},
    {"fraction.safetensors", "at 'a'"},
    {"many-axes.safetensors", "array 'a' has 9 axes; at most 8 are read"},
    {"integers.safetensors", "array 'batches' holds 'I64', and only F16, BF16, F32 and F64 are read"},
    {"twice.safetensors", "its header has 'a' twice"},
    {"dtype-twice.safetensors", "its header has 'dtype' twice"},
    {"no-shape.safetensors", "at 'a'"},
    {"more-keys.safetensors", "at 'a'"},
    {"metadata-number.safetensors", "at 'epoch'"},
    {"nested.safetensors", "at 'a'"},
    {"not-json.safetensors", "at 'a'"},
    {"behind-json.safetensors", "its header is no JSON text"},
    {"not-utf8.safetensors", "its header is no JSON text"},
    {"climbs.safetensors", "an array cannot be named '../a'"},
    {"objects.npy", "pickled Python objects, which could run any code"},
    {"structure.npy", "write it with numpy.save"},
    {"text.npy", "its elements are '<U1', and only f2, f4, f8, u1, i4 and i8 are read"},
    {"complex.npy", "its elements are '<c8'"},
    {"unsigned.npy", "its elements are '<u4'"},
    {"longer.npy", "it has 33 bytes behind its header, and shape (4) of F64 takes 32; write it with numpy.save"},
    {"shorter.npy", "it has 31 bytes behind its header, and shape (4) of F64 takes 32; it is cut short"},
    {"version.npy", "it has version 4.0 of the format"},
    {"expression.npy", "where ')' is expected"},
    {"call.npy", "where 'False' is expected"},
    {"negative.npy", "where a length is expected"},
    {"number-for-list.npy", "where a list with a comma is expected"},
    {"overflow.npy", "is larger than any file"},
    {"many-axes.npy", "has 9 axes; at most 8 are read"},
    {"key-missing.npy", "where fortran_order is expected"},
    {"key-twice.npy", "has 'descr' where each of descr, fortran_order and shape once is expected"},
    {"key-more.npy", "has 'x' where each of descr"},
    {"header-long.npy", "its header would take 70000 bytes"},
    {"behind.npy", "has 'x' where its end is expected"},
    {"bomb.npz", "would unpack to 90000225 bytes or more"},
    {"name-2e2e2f612e6e7079.npz", "an array cannot be named '../a'"},
    {"name-2f612e6e7079.npz", "an array cannot be named '/a'"},
    {"name-612f2e2e2f2e2e2f622e6e7079.npz", "an array cannot be named 'a/../../b'"},
    {"name-615c622e6e7079.npz", "an array cannot be named 'a\\b'"},
    {"name-612f2f622e6e7079.npz", "an array cannot be named 'a//b'"},
    {"name-2e6e7079.npz", "an array has no name"},
    {"name-610a622e6e7079.npz", "an array cannot be named 'a\\u000Ab'"},
    {"objects.npz", "array 'b': it holds pickled Python objects"},
    {"no-array.npz", "entry 'readme.txt' is no array"},
    {"torch.npz", "it is a file of torch.save"},
    {"bzip2.npz", "entry 'a.npy' is packed in another way"},
    {"longer.npz", "array 'a': it takes 160 bytes by its header, and its entry has 161"},
    {"shorter.npz", "array 'a': it takes 160 bytes by its header, and its entry has 159"},
    {"twice.npz", "write it with numpy.savez"},
    {"checksum.npz", "array 'a': it cannot be unpacked: CRC error"},
    {"size.npz", "array 'a': it takes 160 bytes by its header, and its entry has 9"},
    {"encrypted.npz", "or encrypted"},
    {"cycle.h5", "'a/up' stands at several places of the file"},
    {"twice.h5", "'b' stands at several places of the file"},
    {"soft.h5", "'b' is a link that leads elsewhere"},
    {"external-link.h5", "'a' is a link that leads elsewhere"},
    {"external-storage.h5", "array 'a' stands in other files"},
    {"virtual.h5", "array 'a' stands in other files"},
    {"bomb.h5", "would unpack to 400000000 bytes or more"},
    {"never-written.h5", "array 'a' is not all there"},
    {"large-chunk.h5", "would unpack to 2147483648 bytes or more"},
    {"lzf.h5", "array 'a' is packed by filter 32000"},
    {"deep.h5", "lies in more than 16 others"},
    {"cut.h5", "opening the file"},
    {"pickle", "it is a Python pickle"},
    {"empty", "it is empty"},
    {"short", "its 3 bytes are no file of arrays"},
    {"text", "neither safetensors, .npy, .npz nor HDF5"},
    {"pipe", "it is a pipe, not a file; give the path of a file of arrays"},
    {"folder", "it is a folder, not a file"},
    {"absent", "No such file or directory"},
};

TEST_F(ArrayFileTest, RefusesBadFilesAndSaysWhatIsWrong) {
  for (const auto& [name, message] : messages) {
    const auto said = complaint(file("bad/" + name));
    EXPECT_THAT(said, HasSubstr("cannot read " + file("bad/" + name).string() + ": "));
    EXPECT_THAT(said, HasSubstr(message)) << name;
  }
}

TEST_F(ArrayFileTest, HasAMessageForEveryBadFile) {
  for (const auto& entry : std::filesystem::directory_iterator(file("bad")))
    EXPECT_TRUE(messages.contains(entry.path().filename().string())) << entry.path();
}

}  // namespace
}  // namespace flatsweep::array_file_test
