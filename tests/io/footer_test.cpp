#include "flatsweep/base/error.hpp"
#include "flatsweep/io/durable_file.hpp"
#include "io/scratch.hpp"
#include "properties.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace flatsweep::footer_test {
namespace {

/// A tree of random shape and contents.
struct Payload {
  std::string text;
  std::vector<double> numbers;
  std::vector<std::uint8_t> bytes;
};

Payload any_payload() {
  Payload payload;
  payload.text = *rc::gen::string<std::string>();
  std::erase(payload.text, '\0');  // ends a text of HDF5
  payload.numbers = *rc::gen::arbitrary<std::vector<double>>();
  for (const char byte : *any_bytes()) payload.bytes.push_back(static_cast<std::uint8_t>(byte));
  return payload;
}

Group tree_of(const Payload& payload) {
  Group root;
  root.set("text", payload.text);
  root.add("bytes", std::span<const std::uint8_t>(payload.bytes), {payload.bytes.size()}, {"byte"});
  root.group("inner").add("numbers", std::span<const double>(payload.numbers), {payload.numbers.size()}, {"number"});
  return root;
}

Origin any_origin() {
  const auto bytes = *rc::gen::container<std::vector<std::uint8_t>>(32, rc::gen::arbitrary<std::uint8_t>());
  Origin origin;
  std::copy_n(bytes.begin(), 16, origin.run.begin());
  std::copy_n(bytes.begin() + 16, 16, origin.build.begin());
  return origin;
}

bool reads(const std::filesystem::path& file, const std::optional<Digest>& run = {}) {
  try {
    (void)read_durable(file, run);
    return true;
  } catch (const DamagedFile&) {
    return false;
  }
}

TEST(Footer, AnyPayloadComesBackWithItsOrigin) {
  const Scratch scratch;
  const auto file = scratch / "a.h5";
  check_property(40, [&] {
    const auto payload = any_payload();
    const auto origin = any_origin();
    write_durable(file, tree_of(payload), {origin});
    const auto root = read_durable(file, origin.run);
    RC_ASSERT(root.text("text") == payload.text);
    RC_ASSERT(std::ranges::equal(root.dataset("bytes").values<std::uint8_t>(), payload.bytes));
    RC_ASSERT(std::ranges::equal(root.subgroup("inner").dataset("numbers").values<double>(), payload.numbers));
    RC_ASSERT(read_origin(file).run == origin.run);
    RC_ASSERT(read_origin(file).build == origin.build);
    auto other = origin.run;
    other[*rc::gen::inRange(0, 16)] ^= 1U;
    RC_ASSERT(!reads(file, other));
  });
}

/// One kind of damage, at a random place.
std::string damaged_copy(const std::string& good) {
  auto bad = good;
  const auto at = *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(std::size_t{0}, good.size()));
  const auto more = *rc::gen::suchThat(any_bytes(), [](const auto& bytes) { return !bytes.empty(); });
  switch (*rc::gen::inRange(0, 5)) {
    case 0:
      bad[at] = static_cast<char>(bad[at] ^ (1 << *rc::gen::inRange(0, 8)));
      return bad;
    case 1:
      return bad.substr(0, at);
    case 2:
      return bad + more;
    case 3:
      return bad.insert(at, more);
    default:
      return bad.erase(at, more.size());
  }
}

TEST(Footer, AnyDamageIsNoticed) {
  const Scratch scratch;
  const auto file = scratch / "a.h5";
  check_property(20, [&] {
    write_durable(file, tree_of(any_payload()), {any_origin()});
    const auto good = slurp(file);
    for (int i = 0; i < 10; ++i) {
      const auto bad = damaged_copy(good);
      spill(file, bad);
      RC_ASSERT(reads(file) == (bad == good));
    }
  });
}

TEST(Footer, AnyBytesAreRefused) {
  const Scratch scratch;
  const auto file = scratch / "a.h5";
  check_property(60, [&] {
    spill(file, *any_bytes());
    RC_ASSERT(!reads(file));
  });
}

}  // namespace
}  // namespace flatsweep::footer_test
