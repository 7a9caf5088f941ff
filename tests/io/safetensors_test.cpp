#include "flatsweep/io/safetensors.hpp"

#include "flatsweep/io/array_file.hpp"
#include "io/scratch.hpp"
#include "properties.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <set>

namespace flatsweep::safetensors_test {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

const std::vector<float> singles = ramp<float>(6, 0.25F);
const std::vector<double> doubles = {1.0 / 3.0, -0.0};

std::vector<ArrayView> model() {
  return {{"fc1.weight", {2, 3}, std::span(singles)},
          {"fc1.bias", {2}, std::span(doubles)},
          {"scale", {}, std::span(singles).first(1)},
          {"none", {0, 4}, std::span(singles).first(0)}};
}

/// Runs `program` on the bytes with NumPy alone, by the format's definition.
int read_by_python(const std::filesystem::path& path, const std::string& program) {
  const std::string reader =
      "import json, struct, sys, numpy as np\n"
      "raw = open(sys.argv[1], 'rb').read()\n"
      "n = struct.unpack('<Q', raw[:8])[0]\n"
      "header = json.loads(raw[8:8 + n])\n"
      "def array(name):\n"
      "    entry = header[name]\n"
      "    begin, end = entry['data_offsets']\n"
      "    kind = {'F32': '<f4', 'F64': '<f8'}[entry['dtype']]\n"
      "    return np.frombuffer(raw[8 + n + begin:8 + n + end], kind).reshape(entry['shape'])\n";
  const auto script = path.parent_path() / "read.py";
  spill(script, reader + program);
  const auto command = std::string(FLATSWEEP_PYTHON) + " " + script.string() + " " + path.string();
  return std::system(command.c_str());
}

TEST(Safetensors, AreReadByNumpy) {
  const Scratch scratch;
  write_safetensors(scratch / "a.safetensors", model(), {{"beta", "\u03b2 \"quoted\""}, {"alpha", "0.1"}});
  EXPECT_EQ(read_by_python(scratch / "a.safetensors",
                           "assert n % 8 == 0 and raw[8:9] == b'{'\n"
                           "assert header['__metadata__'] == {'beta': '\u03b2 \"quoted\"', 'alpha': '0.1'}\n"
                           "assert list(header) == ['__metadata__', 'fc1.weight', 'fc1.bias', 'scale', 'none']\n"
                           "assert (array('fc1.weight') == np.arange(6, dtype='f4').reshape(2, 3) + 0.25).all()\n"
                           "assert array('fc1.bias').tobytes() == np.array([1 / 3, -0.0]).tobytes()\n"
                           "assert array('scale').shape == () and array('scale') == 0.25\n"
                           "assert array('none').shape == (0, 4)\n"
                           "assert len(raw) == 8 + n + 24 + 16 + 4\n"),
            0);
}

TEST(Safetensors, ComeBackAsTheyWereWritten) {
  const Scratch scratch;
  write_safetensors(scratch / "a", model(), {{"seed", "3"}});
  const auto all = read_arrays<double>(scratch / "a");
  EXPECT_EQ(all.metadata, (std::map<std::string, std::string>{{"seed", "3"}}));
  ASSERT_EQ(all.arrays.size(), 4U);
  EXPECT_EQ(all.arrays[0].shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(all.arrays[0].values, std::vector<double>(singles.begin(), singles.end()));
  EXPECT_EQ(all.arrays[1].values, doubles);
  EXPECT_TRUE(std::signbit(all.arrays[1].values[1]));
  const auto first = slurp(scratch / "a");
  write_safetensors(scratch / "a", model(), {{"seed", "3"}});
  EXPECT_EQ(slurp(scratch / "a"), first) << "equal arrays give equal bytes";
  write_safetensors(scratch / "empty", {});
  EXPECT_TRUE(list_arrays(scratch / "empty").arrays.empty());
}

TEST(Safetensors, LeaveTheOldFileWhereTheyFail) {
  const Scratch scratch;
  write_safetensors(scratch / "a", model());
  const auto before = slurp(scratch / "a");
  const auto refusal = [&](ArrayView array) {
    auto arrays = model();
    arrays.push_back(std::move(array));
    return [&scratch, arrays] { write_safetensors(scratch / "a", arrays); };
  };
  EXPECT_THAT(refusal({"fc1.bias", {2}, std::span(doubles)}), ThrowsMessage<IoError>(HasSubstr("is there twice")));
  EXPECT_THAT(refusal({"../up", {2}, std::span(doubles)}), ThrowsMessage<IoError>(HasSubstr("cannot be named")));
  EXPECT_THAT(refusal({"__metadata__", {2}, std::span(doubles)}), ThrowsMessage<IoError>(HasSubstr("metadata")));
  EXPECT_THAT(refusal({"x", {3}, std::span(doubles)}), ThrowsMessage<IoError>(HasSubstr("shape (3) takes 24")));
  FileOwner robbed;
  robbed.still_ours = [] { throw IoError("another job's by now"); };
  EXPECT_THROW(write_safetensors(scratch / "a", {}, {}, robbed), IoError);
  EXPECT_THAT([&] { write_safetensors(scratch / "absent/a", model()); },
              ThrowsMessage<IoError>(HasSubstr("cannot write")));
  EXPECT_EQ(slurp(scratch / "a"), before);
  EXPECT_EQ(scratch.entries(), 1U);
}

/// Numbers of a model in memory, for the views that are written.
struct Model {
  std::vector<std::vector<double>> numbers;
  std::vector<ArrayView> arrays;
};

std::vector<std::int64_t> any_shape() {
  const auto length = rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, 4));
  const auto lengths = *rc::gen::resize(4, rc::gen::container<std::vector<int>>(length));
  return {lengths.begin(), lengths.end()};
}

Model any_model() {
  Model model;
  std::set<std::string> names;
  const auto count = *rc::gen::inRange(0, 6);
  for (int i = 0; i < count; ++i) {
    // Quotes, braces and spaces must survive the JSON text.
    const auto name =
        *rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab1._\"{}: "))));
    if (name == "." || name == ".." || !names.insert(name).second) continue;
    const auto shape = any_shape();
    const auto size = std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>());
    model.numbers.push_back(*rc::gen::container<std::vector<double>>(size, rc::gen::arbitrary<double>()));
    model.arrays.push_back({name, shape, std::span<const double>(model.numbers.back())});
  }
  return model;
}

TEST(Safetensors, AnyModelComesBackAndNoneThatIsCut) {
  const Scratch scratch;
  check_property(60, [&] {
    const auto model = any_model();
    write_safetensors(scratch / "a", model.arrays);
    const auto all = read_arrays<double>(scratch / "a");
    RC_ASSERT(all.arrays.size() == model.arrays.size());
    for (std::size_t i = 0; i < model.arrays.size(); ++i) {
      RC_ASSERT(all.arrays[i].name == model.arrays[i].name);
      RC_ASSERT(all.arrays[i].shape == model.arrays[i].shape);
      RC_ASSERT(all.arrays[i].values == model.numbers[i]);
    }
    const auto bytes = slurp(scratch / "a");
    spill(scratch / "cut", bytes.substr(0, *rc::gen::inRange<std::int64_t>(0, std::ssize(bytes))));
    RC_ASSERT_THROWS_AS((void)list_arrays(scratch / "cut"), ConfigError);
  });
}

}  // namespace
}  // namespace flatsweep::safetensors_test
