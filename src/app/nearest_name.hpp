#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flatsweep {

/// The known name that differs by a slip of the hand; none where all are quite different.
[[nodiscard]] std::optional<std::string> nearest_name(std::string_view name, const std::vector<std::string>& known);

}  // namespace flatsweep
