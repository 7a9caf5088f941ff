#pragma once

#include "flatsweep/par/communicator.hpp"
#include "flatsweep/study/grid/config.hpp"

namespace flatsweep {

/// Whether the files' contents are hashed, which reads all of them.
enum class ModelHash { made, left_out };

/// Finds out what the table [model] stands for: the files behind its patterns, the models' names and columns, the
/// architectures of recordings, and whether the arrays fit network and trajectory, from headers alone. Fills in
/// `config.model.found`, `.column_names` and `.sha256`, the same on every rank; nothing in other studies.
/// A model whose file is broken has a `problem`, and the others go on.
/// @note Collective over `world`.
/// @throws ConfigError, agreed: a pattern without a file, two models of one name, columns that do not fit the models,
/// no model without a problem
void find_models(const Communicator& world, Config& config, ModelHash hash);

}  // namespace flatsweep
