#pragma once

#include "flatsweep/analysis/power_law.hpp"
#include "flatsweep/analysis/spread.hpp"
#include "flatsweep/io/tree.hpp"
#include "landscape_summary.hpp"
#include "layer_analysis.hpp"

#include <map>
#include <string>
#include <vector>

// Attributes of a layer's group of which /summary has the means over seeds: one list of them is read, pooled and shown.
namespace flatsweep {

/// One attribute, a number or an exponent.
struct SummaryEntry {
  enum class Kind { number, exponent };

  std::string attribute;
  std::string unit;
  std::string sentence;  ///< of the column
  Kind kind = Kind::number;
  std::string part = {};  ///< subgroup that has the attribute; "" for the group itself

  /// With the name of the part before it.
  [[nodiscard]] std::string column() const { return part.empty() ? attribute : part + "_" + attribute; }
};

/// What one replica has of a list of entries, by their columns; no key where its group lacks the part.
struct EntryValues {
  std::map<std::string, double> numbers;
  std::map<std::string, Exponent> exponents;
};

/// The same of several seeds: t-intervals from three of them on.
struct EntryMeans {
  std::map<std::string, SeedMean> numbers;
  std::map<std::string, Exponent> exponents;

  /// Nothing known where no seed has the entry.
  [[nodiscard]] SeedMean number(const std::string& column) const;
  [[nodiscard]] Exponent exponent(const std::string& column) const;
};

/// NaN, or an exponent that was not measured, where a group lacks an attribute.  @throws DamagedFile
[[nodiscard]] EntryValues read_entries(const Group& group, const std::vector<SummaryEntry>& entries);
[[nodiscard]] EntryMeans over_seeds(const std::vector<EntryValues>& seeds);

/// Pools what analyses read as `Values`, which are EntryValues, into `Means`, which are EntryMeans.
template <class Values, class Means>
void pool_entries(const std::vector<const AnalysisResults*>& seeds, const PsiOptions&, AnalysisResults& pooled) {
  std::vector<EntryValues> known;
  for (const auto* seed : seeds)
    if (const auto* found = seed->find<Values>()) known.push_back(*found);
  pooled.set(Means{over_seeds(known)});
}

template <class Means>
[[nodiscard]] SummaryColumns entry_columns(const std::vector<SummaryEntry>& entries) {
  SummaryColumns columns;
  for (const auto& entry : entries) {
    const auto name = entry.column();
    if (entry.kind == SummaryEntry::Kind::number)
      columns.emplace_back(name, entry.unit, entry.sentence,
                           [name](const GridPointSummary& p) { return pooled<Means>(p).number(name); });
    else
      columns.emplace_back(name, entry.unit, entry.sentence,
                           [name](const GridPointSummary& p) { return pooled<Means>(p).exponent(name); });
  }
  return columns;
}

}  // namespace flatsweep
