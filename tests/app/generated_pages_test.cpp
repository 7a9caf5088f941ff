#include "flatsweep/analysis/flatness.hpp"
#include "flatsweep/analysis/power_law.hpp"
#include "flatsweep/app/key_reference.hpp"
#include "flatsweep/study/unit/unit_status.hpp"
#include "study/landscape/psi_flags.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

// Parts of pages are written by the program: they stand between a line with "generated: <what>" and one with "generated
// end". These tests fail when such a part is stale; tools/write-pages runs them so that they write it instead.
namespace flatsweep::generated_pages_test {
namespace {

const std::string source = FLATSWEEP_SOURCE_DIR;

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

/// A cell of a Markdown table: a bar would end it.
std::string cell(const std::string& text) { return replaced(text, "|", "\\|"); }

std::string words_of(const KeyDescription& key) {
  std::vector<std::string> words;
  const char* quotes = key.type == "flag" ? "" : "\"";
  for (const auto& choice : key.choices) words.push_back(fmt::format("`{0}{1}{0}`", quotes, choice.word));
  return fmt::format("{}", fmt::join(words, ", "));
}

std::string meaning_of(const KeyDescription& key) {
  auto text = key.sentence;
  for (const auto& choice : key.choices)
    if (!choice.sentence.empty()) text += fmt::format(". `\"{}\"`: {}", choice.word, choice.sentence);
  return text;
}

/// Is the meaning of the choices said at the key that this one is an axis of?
bool is_axis(const KeyDescription& key) { return key.table == "grid"; }

/// The rows of one table of the configuration.
std::string key_table(const std::string& table) {
  std::string text = "| key | type | default | range | meaning |\n|---|---|---|---|---|\n";
  for (const auto& key : describe_keys()) {
    if (key.table != table) continue;
    const auto standard = key.standard.empty() ? "none" : fmt::format("`{}`", key.standard);
    text += fmt::format("| `{}` | {} | {} | {} | {} |\n", key.key, replaced(key.type, "\"all\"", "`\"all\"`"), standard,
                        key.choices.empty() ? key.range : words_of(key),
                        cell(is_axis(key) ? key.sentence : meaning_of(key)));
  }
  return text;
}

/// Words of at most `width` letters a line.
std::string wrapped(const std::vector<std::string>& words, std::size_t width) {
  std::string text, line = "   ";
  for (const auto& word : words) {
    if (line.size() + 1 + word.size() > width) {
      text += line + "\n";
      line = "   ";
    }
    line += " " + word;
  }
  return text + line + "\n";
}

std::string completion_keys() { return "_flatsweep_keys=\"\n" + wrapped(config_keys(), 118) + "\"\n"; }

/// What may stand behind "key=", for keys with words.
std::string completion_values() {
  std::string text = "_flatsweep_choices() {\n  case $1 in\n";
  for (const auto& key : describe_keys()) {
    if (key.choices.empty() || key.type.starts_with("list")) continue;
    std::vector<std::string> words;
    for (const auto& choice : key.choices) words.push_back(choice.word);
    text += fmt::format("    {}) echo \"{}\" ;;\n", key.name(), fmt::join(words, " "));
  }
  return text + "  esac\n}\n";
}

/// A text as roff reads it: a leading point or apostrophe would be a request.
std::string roff(const std::string& text) {
  const auto plain = replaced(text, "\\", "\\e");
  return plain.starts_with(".") || plain.starts_with("'") ? "\\&" + plain : plain;
}

std::string manual_keys() {
  std::string text = ".Bl -tag -width Ds\n";
  for (const auto& key : describe_keys()) {
    text += fmt::format(".It Cm {}", key.name());
    if (!key.standard.empty()) text += fmt::format(" Ns = Ns Li \"{}\"", replaced(roff(key.standard), "\"", "\\(dq"));
    std::vector<std::string> words;
    for (const auto& choice : key.choices) words.push_back(choice.word);
    const auto range = words.empty() ? key.range : fmt::format("{}", fmt::join(words, ", "));
    text += fmt::format("\n{}\n", roff(fmt::format("{}{}.", key.sentence, range.empty() ? "" : " (" + range + ")")));
  }
  return text + ".El\n";
}

template <class E>
std::string word_table() {
  std::string text = "| word | meaning |\n|---|---|\n";
  for (const auto& row : enum_words<E>)
    text += fmt::format("| `{}` | {} |\n", row.word, cell(std::string(row.sentence)));
  return text;
}

std::string words_of_columns(const std::string& what) {
  if (what == "status of an exponent") return word_table<FitStatus>();
  if (what == "interval of an exponent") return word_table<Interval>();
  if (what == "status of a direction") return word_table<CrossingStatus>();
  if (what == "flags of psi") return word_table<PsiFlag>();
  return word_table<UnitStatus>();
}

std::vector<std::string> lines_of(const std::string& file) {
  std::ifstream page(source + "/" + file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(page, line);) lines.push_back(line + "\n");
  return lines;
}

/// The page with its generated parts as they should be.
std::string brought_up_to_date(const std::string& file, const std::function<std::string(const std::string&)>& make) {
  std::string page;
  bool inside = false;
  for (const auto& line : lines_of(file)) {
    const bool ends = line.find("generated end") != std::string::npos;
    inside = inside && !ends;
    if (!inside) page += line;
    const auto at = line.find("generated: ");
    if (at == std::string::npos) continue;
    auto what = line.substr(at + 11);
    what.resize(std::min(what.find(" -->"), what.size()));
    while (!what.empty() && what.back() == '\n') what.pop_back();
    page += make(what);
    inside = true;
  }
  EXPECT_FALSE(inside) << file << ": a generated part has no end";
  return page;
}

void check(const std::string& file, const std::function<std::string(const std::string&)>& make) {
  std::string there;
  for (const auto& line : lines_of(file)) there += line;
  const auto wanted = brought_up_to_date(file, make);
  if (std::getenv("FLATSWEEP_WRITE_PAGES") != nullptr) {
    std::ofstream(source + "/" + file) << wanted;
    return;
  }
  EXPECT_EQ(there, wanted) << file << " is stale: run tools/write-pages";
}

TEST(GeneratedPages, TheConfigurationHasEveryTableOfKeys) {
  check("docs/configuration.md", [](const std::string& table) { return key_table(table == "study" ? "" : table); });
}

TEST(GeneratedPages, TheCompletionHasEveryKeyAndItsWords) {
  check("tools/completion/flatsweep.bash",
        [](const std::string& what) { return what == "keys" ? completion_keys() : completion_values(); });
}

TEST(GeneratedPages, TheManualHasEveryKey) {
  check("docs/flatsweep.1", [](const std::string&) { return manual_keys(); });
}

TEST(GeneratedPages, TheLayoutSaysWhatWordsMean) { check("docs/output.md", words_of_columns); }

TEST(KeyReference, EveryKeyHasASentenceThatStandsAlone) {
  for (const auto& key : describe_keys()) {
    EXPECT_GE(key.sentence.size(), 10U) << key.name();
    EXPECT_NE(key.sentence.back(), '.') << key.name();
    for (const auto* pointer : {"the same", "likewise", "do it", "as above", "these times"})
      EXPECT_EQ(key.sentence.find(pointer), std::string::npos) << key.name() << ": " << key.sentence;
  }
}

TEST(KeyReference, AxesNameTheKeyTheyStandFor) {
  const auto names = config_keys();
  int axes = 0;
  for (const auto& key : describe_keys()) {
    if (key.table != "grid") continue;
    const auto of = key.sentence.substr(8, key.sentence.find(':') - 8);
    EXPECT_NE(std::ranges::find(names, of), names.end()) << key.sentence;
    ++axes;
  }
  EXPECT_GE(axes, 10);
}

}  // namespace
}  // namespace flatsweep::generated_pages_test
