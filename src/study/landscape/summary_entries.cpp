#include "summary_entries.hpp"

#include "study/store/tree_entries.hpp"

namespace flatsweep {

namespace {

template <class Value>
Value value_of(const std::map<std::string, Value>& values, const std::string& name) {
  const auto found = values.find(name);
  return found == values.end() ? Value{} : found->second;
}

}  // namespace

SeedMean EntryMeans::number(const std::string& column) const { return value_of(numbers, column); }
Exponent EntryMeans::exponent(const std::string& column) const { return value_of(exponents, column); }

EntryValues read_entries(const Group& group, const std::vector<SummaryEntry>& entries) {
  EntryValues values;
  for (const auto& entry : entries) {
    const auto* part = entry.part.empty() ? &group : group.find_group(entry.part);
    if (part == nullptr) continue;
    if (entry.kind == SummaryEntry::Kind::number)
      values.numbers[entry.column()] = real_or_nan(*part, entry.attribute);
    else
      values.exponents[entry.column()] = exponent_from(*part, entry.attribute);
  }
  return values;
}

EntryMeans over_seeds(const std::vector<EntryValues>& seeds) {
  std::map<std::string, std::vector<double>> numbers;
  std::map<std::string, std::vector<Exponent>> exponents;
  for (const auto& seed : seeds) {
    for (const auto& [name, value] : seed.numbers) numbers[name].push_back(value);
    for (const auto& [name, value] : seed.exponents) exponents[name].push_back(value);
  }
  EntryMeans means;
  for (const auto& [name, values] : numbers) means.numbers[name] = seed_mean(values);
  for (const auto& [name, values] : exponents) means.exponents[name] = over_seeds(values);
  return means;
}

}  // namespace flatsweep
