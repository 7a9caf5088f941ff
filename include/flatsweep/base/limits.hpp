#pragma once

#include <cstddef>
#include <cstdint>

/// How large what is given from outside may be. Each is looked at before memory or time is spent on it;
/// docs/limits.md lists them.
namespace flatsweep::limits {

// Texts of the user.
constexpr std::size_t config_bytes = std::size_t{4} << 20;  ///< of a configuration file
constexpr int key_parts = 8;                                ///< of a dotted key: a.b.c has three
constexpr int nesting = 16;                                 ///< of lists and tables within lists and tables
constexpr std::size_t text_bytes = 4096;                    ///< of one text of the configuration
constexpr std::size_t list_values = 100000;                 ///< of one list of the configuration
constexpr std::size_t layers = 128;                         ///< of an architecture
constexpr int classes = 256;                                ///< of a data set, whose labels are bytes
constexpr std::size_t tasks = 100;                          ///< of the continual study
constexpr std::size_t shown_bytes = 120;                    ///< of a value or key that a message repeats
constexpr std::size_t message_bytes = 8192;                 ///< of an error's whole message

// Work.
constexpr std::size_t replicas = 100000;                 ///< of a grid
constexpr int ranks = 1000000;                           ///< to plan for
constexpr std::int64_t noise_minibatches = 100000;       ///< from which the noise study measures F
constexpr double noise_samples = 0x1.0p31;               ///< in all of them together
constexpr double noise_gradient_bytes = 0x1.0p38;        ///< of their gradients
constexpr int profile_modes = 1000;                      ///< whose ln L is stored
constexpr int frozen_points = 10000;                     ///< of the window
constexpr int minibatch_pairs = 1000000;                 ///< of directions, whose M_ij is stored
constexpr std::int64_t eigenpairs = 10000;               ///< of a matrix-free solve
constexpr std::int64_t density_probes = 10000;           ///< random vectors
constexpr std::int64_t density_steps = 10000;            ///< products for each
constexpr std::int64_t trace_products = 1000000;         ///< of an estimated trace
constexpr double hours = 1e6, seconds = 1e9, gib = 1e6;  ///< of the table [run]

// Stage files.
constexpr int group_depth = 16;                                 ///< groups within groups
constexpr int axes = 8;                                         ///< of a data set
constexpr std::size_t attribute_values = std::size_t{1} << 20;  ///< of one attribute

// Arrays made elsewhere.
constexpr std::size_t arrays = 100000;                             ///< in one file
constexpr std::size_t safetensors_header_bytes = 100000000;        ///< the format's own bound
constexpr std::size_t npy_header_bytes = std::size_t{1} << 16;     ///< of the description before the numbers
constexpr std::uint64_t unpacked_bytes = std::uint64_t{64} << 20;  ///< a packed file may always hold so many
constexpr std::uint64_t unpacked_ratio = 100;                      ///< or so many times its own size

}  // namespace flatsweep::limits
