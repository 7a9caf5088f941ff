#include "flatsweep/app/config_file.hpp"
#include "flatsweep/app/key_reference.hpp"
#include "flatsweep/base/error.hpp"
#include "properties.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace flatsweep::config_properties_test {
namespace {

/// One line "key = value" and the table that it stands in, "" for the root.
struct Entry {
  std::string table, key, value;
  [[nodiscard]] std::string name() const { return table.empty() ? key : table + "." + key; }
};

void showValue(const Entry& entry, std::ostream& out) { out << entry.name() << " = " << entry.value; }

/// Every key that has a default, as the program itself writes it down.
const std::vector<Entry>& defaults() {
  static const auto entries = [] {
    std::vector<Entry> found;
    std::istringstream lines(parse_config("", "defaults.toml").resolved);
    std::string table;
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with('['))
        table = line.substr(1, line.size() - 2);
      else if (const auto equals = line.find(" = "); equals != std::string::npos)
        found.push_back({table, line.substr(0, equals), line.substr(equals + 3)});
    return found;
  }();
  return entries;
}

/// The root's keys first, then each table, in the order in which the entries come.
std::string text_of(const std::vector<Entry>& entries) {
  std::vector<std::string> tables{""};
  for (const auto& entry : entries)
    if (std::ranges::find(tables, entry.table) == tables.end()) tables.push_back(entry.table);
  std::string text;
  for (const auto& table : tables) {
    if (!table.empty()) text += "[" + table + "]\n";
    for (const auto& entry : entries)
      if (entry.table == table) text += entry.key + " = " + entry.value + "\n";
  }
  return text;
}

/// The configuration written out; nothing where it is refused.
std::optional<std::string> resolved(const std::string& text, const std::vector<std::string>& assignments = {}) {
  try {
    return parse_config(text, "run.toml", assignments).resolved;
  } catch (const ConfigError& error) {
    RC_ASSERT(*error.what() != '\0');
    return std::nullopt;
  }
}

rc::Gen<Entry> any_entry() { return rc::gen::elementOf(defaults()); }

std::string any_value() {
  return *rc::gen::oneOf(
      rc::gen::map(rc::gen::inRange<std::int64_t>(-3, 200), [](auto n) { return std::to_string(n); }),
      rc::gen::map(real_between(-0.1, 2.0), [](double x) { return fmt::format("{:.17g}", x); }),
      rc::gen::element<std::string>("true", "false", "\"all\"", "[]", "[1]", "\"\"", "{}", "1e300", "nan", "-inf"),
      rc::gen::map(any_entry(), [](const Entry& entry) { return entry.value; }));
}

TEST(ConfigProperties, AnyPartOfTheDefaultsInAnyOrderIsTheDefaults) {
  const auto whole = parse_config("", "defaults.toml").resolved;
  check_property(100, [&] {
    auto entries = defaults();
    std::shuffle(entries.begin(), entries.end(), any_engine());
    entries.resize(*rc::gen::resize(rc::kNominalSize, rc::gen::inRange(std::size_t{0}, entries.size() + 1)));
    RC_ASSERT(resolved(text_of(entries)) == whole);
  });
}

// What is no TOML is an error in the file and a text on the command line.
TEST(ConfigProperties, AnyValueMeansTheSameInTheFileAndOnTheCommandLine) {
  int read = 0;
  check_property(1000, [&] {
    auto entry = *any_entry();
    entry.value = any_value();
    const auto from_file = resolved(text_of({entry}));
    RC_ASSERT(from_file == resolved("", {entry.name() + "=" + entry.value}));
    if (!from_file) return;
    ++read;
    RC_ASSERT(resolved(*from_file) == from_file);
  });
  EXPECT_GT(read, 100) << "most values are refused";
}

TEST(ConfigProperties, AnySlipInAKeyIsRefusedByName) {
  const auto keys = config_keys();
  check_property(300, [&] {
    auto entry = *any_entry();
    const auto at = *rc::gen::inRange(std::size_t{0}, entry.key.size());
    const auto letter = *rc::gen::inRange('a', static_cast<char>('z' + 1));
    switch (*rc::gen::inRange(0, 3)) {
      case 0:
        entry.key[at] = letter;
        break;
      case 1:
        entry.key.insert(at, 1, letter);
        break;
      default:
        entry.key.erase(at, 1);
    }
    RC_PRE(!entry.key.empty() && std::ranges::find(keys, entry.name()) == keys.end());
    try {
      (void)parse_config(text_of({entry}), "run.toml");
      RC_FAIL("an unknown key is read");
    } catch (const ConfigError& error) {
      RC_ASSERT(std::string(error.what()).find(entry.key) != std::string::npos);
    }
  });
}

/// Pieces of configurations with anything between them.
std::string any_text() {
  std::string text;
  for (int pieces = *rc::gen::inRange(0, 20); pieces > 0; --pieces) {
    const auto entry = *any_entry();
    switch (*rc::gen::inRange(0, 5)) {
      case 0:
        text += "[" + entry.table + "]\n";
        break;
      case 1:
        text += *any_bytes();
        break;
      case 2:
        text += entry.key + " = ";
        break;
      case 3:
        text += any_value() + "\n";
        break;
      default:
        text += entry.key + " = " + entry.value + "\n";
    }
  }
  return text;
}

TEST(ConfigProperties, AnyTextIsRefusedOrReadsBackAsItself) {
  check_property(400, [] {
    const auto first = resolved(any_text());
    if (first) RC_ASSERT(resolved(*first) == first);
  });
}

}  // namespace
}  // namespace flatsweep::config_properties_test
