#pragma once

#include <cstddef>
#include <optional>

namespace flatsweep {

/// Is the standard output read from a terminal? mpirun gives its ranks a pseudo-terminal even when its own output goes
/// to a file: then the launcher's output counts.
[[nodiscard]] bool shows_on_terminal();

/// Lines that fit the terminal; nothing where it does not say how many.
[[nodiscard]] std::optional<std::size_t> terminal_rows();

/// Bytes behind which `shortened` cuts a line that is to fit the terminal; nothing where the terminal does not say how
/// wide it is.
[[nodiscard]] std::optional<std::size_t> terminal_columns();

}  // namespace flatsweep
