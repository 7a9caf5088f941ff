#pragma once

#include "flatsweep/base/enum_words.hpp"
#include "flatsweep/nn/architecture.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace flatsweep {

/// What is known of how networks made elsewhere were trained.
enum class TrainingKnown { unknown, minibatches, window };

template <>
inline constexpr auto enum_words<TrainingKnown> = make_enum_words<TrainingKnown>({
    {TrainingKnown::unknown, "unknown", "nothing but what a recording says; what needs more is absent"},
    {TrainingKnown::minibatches, "minibatches",
     "flatsweep draws minibatches of its own, as train.batch_size, train.sampling and train.seed say"},
    {TrainingKnown::window, "window",
     "the same, and the trajectory is a window with a snapshot after every step, as [train] and [window] say"},
});

/// One network made elsewhere, as its files' headers have it.
struct ModelEntry {
  std::string name;                               ///< no two are alike
  std::filesystem::path file;                     ///< of its weights
  std::vector<std::filesystem::path> trajectory;  ///< one file, or one for each snapshot in order; empty: none
  std::vector<std::string> columns;               ///< in the order of ModelConfig::column_names
  Architecture architecture;                      ///< of the recording, else network.architecture
  std::vector<std::int64_t> snapshots;            ///< of every layer of pca.layers; 0: it has no trajectory
  std::int64_t stride = 0;                        ///< steps from one snapshot to the next; 0: not known
  std::int64_t batch_size = 0;                    ///< that a recording was told; 0: not known
  std::vector<std::string> notes;                 ///< what a reader should know: layers without biases
  std::string problem;                            ///< why it cannot be analysed; "" where the headers fit
};

/// A text column of /grid, or one of numbers where every model has one.
struct ModelColumn {
  std::string name;
  bool numbers = false;
};

/// [model]: networks made elsewhere, of the study "models"
struct ModelConfig {
  std::vector<std::string> weights;     ///< files, or patterns for files: each a model
  std::vector<std::string> trajectory;  ///< the same of snapshots; {model} stands for a model's name
  std::string columns;                  ///< a CSV file, or "metadata"
  TrainingKnown training = TrainingKnown::unknown;
  std::map<std::string, std::string> names;  ///< layer or layer_bias -> array; empty: in order

  // What these stand for, as `find_models` finds it: no keys.
  std::vector<ModelColumn> column_names;
  std::vector<ModelEntry> found;
  std::string sha256;  ///< over all files of all models
};

}  // namespace flatsweep
