#pragma once

#include "flatsweep/study/grid/model_config.hpp"

#include <string>

namespace flatsweep {

/// What was found of the models as one text, for the other ranks.
[[nodiscard]] std::string text_of_models(const ModelConfig& config);
/// @throws std::logic_error where the text is not one of these
void models_from_text(const std::string& text, ModelConfig& config);

}  // namespace flatsweep
