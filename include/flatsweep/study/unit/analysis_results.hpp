#pragma once

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <typeindex>
#include <utility>

namespace flatsweep {

/// What analyses found, at most one value of each type. The header of an analysis declares the type of what it gives;
/// who wants it includes that header, and nobody else knows it. Copies share the values.
class AnalysisResults {
 public:
  template <class Found>
  void set(Found found) {
    values_[typeid(Found)] = std::make_shared<const Found>(std::move(found));
  }

  /// nullptr where it was not measured or failed
  template <class Found>
  [[nodiscard]] const Found* find() const {
    const auto value = values_.find(typeid(Found));
    return value == values_.end() ? nullptr : static_cast<const Found*>(value->second.get());
  }

  /// What must be there.
  template <class Found>
  [[nodiscard]] const Found& get() const {
    if (const auto* found = find<Found>()) return *found;
    throw std::logic_error(std::string("no analysis before has left a ") + typeid(Found).name());
  }

 private:
  std::map<std::type_index, std::shared_ptr<const void>> values_;
};

}  // namespace flatsweep
