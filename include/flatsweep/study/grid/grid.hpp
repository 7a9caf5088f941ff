#pragma once

#include "flatsweep/data/unit_data.hpp"
#include "flatsweep/study/grid/axes.hpp"
#include "flatsweep/train/trainer.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flatsweep {

/// One row of /grid: a grid point and seed.
struct Replica : AxisValues {
  std::int64_t id = 0;  ///< row in /grid
  Architecture architecture;
  std::int64_t model = -1;  ///< number of the network made elsewhere, in config.model.found; -1: trained here

  /// @throws ConfigError when the architecture does not fit the images
  [[nodiscard]] Network network(const DatasetShape& data) const;
  /// @param network of this replica   @return (parameters,)
  [[nodiscard]] std::vector<float> initial_weights(const Network& network, const NetworkConfig& config) const;
  /// With the schedule, whose ends are known.
  [[nodiscard]] TrainerOptions trainer_options(const Config& config) const;
  /// The same with the learning rate of the window, without schedule; nothing where that rate changes, or may.
  [[nodiscard]] std::optional<TrainerOptions> options_in_window(const Config& config) const;
  /// Of a data set's training images those that it takes.
  [[nodiscard]] TrainingSubset subset() const { return {train_limit, label_noise, seed}; }
  /// How many these are, of M; also of those alone.
  [[nodiscard]] std::int64_t training_samples(std::int64_t all) const {
    return train_limit > 0 ? std::min(train_limit, all) : all;
  }
  /// The shape of its part of the data set.
  [[nodiscard]] DatasetShape part_of(DatasetShape data) const {
    data.train_count = training_samples(data.train_count);
    return data;
  }
  /// Iterations of one epoch, floor(M / B).   @param data its part of the data set
  [[nodiscard]] std::int64_t iterations_per_epoch(const DatasetShape& data) const {
    return data.train_count / batch_size;
  }
};

/// One training run and its analyses. Replicas that differ in psi alone share it: psi enters after the measurement.
struct WorkUnit {
  std::int64_t id = 0;  ///< smallest id of its replicas; names its folder
  Replica replica;      ///< the one of that id
  std::vector<std::int64_t> replicas;
  double cost = 0.0;           ///< estimated seconds on one rank
  double training_cost = 0.0;  ///< of these what one rank of a team does whatever its size
};

/// One of `count` shares of a grid, for job arrays: the units of work whose number, in grid order, is `index` modulo
/// `count`.
struct Slice {
  std::int64_t index = 0;
  std::int64_t count = 1;
  [[nodiscard]] bool whole() const { return count == 1; }
  [[nodiscard]] bool holds(std::size_t unit) const { return static_cast<std::int64_t>(unit) % count == index; }
  [[nodiscard]] std::string text() const;  ///< "2/8"
  [[nodiscard]] std::string name() const;  ///< "slice-2-of-8"
  bool operator==(const Slice&) const = default;
};

/// All replicas in grid order, by the list of axes: seeds vary fastest. Combinations that say the same, as strengths of
/// methods without noise, count once.
/// @throws ConfigError when they are too many to be listed
[[nodiscard]] std::vector<Replica> expand_grid(const Config& config);

/// What is read of the data set: as many training images as the largest replica takes.
[[nodiscard]] DataOptions data_in_use(const Config& config);

/// The replica of one network made elsewhere, all axes at the values of their tables.
[[nodiscard]] Replica replica_of(const Config& config, const ModelEntry& model);

/// The units of work in grid order, without costs.
[[nodiscard]] std::vector<WorkUnit> group_into_units(const std::vector<Replica>& replicas);

/// True when two replicas belong to one grid point of the summary: all but seed and psi equal.
[[nodiscard]] bool same_grid_point(const Replica& a, const Replica& b);

/// Places in `units` of every grid point's units, grid points and units in the order in which they come.
[[nodiscard]] std::vector<std::vector<std::size_t>> units_by_grid_point(const std::vector<WorkUnit>& units);

/// What the terminal says of replicas or grid points: a line of headings, then one line for each row, columns from the
/// list of axes. Axes that the study does not use are left out.
enum class AxisRows { grid_points, replicas };
[[nodiscard]] std::vector<std::string> axis_table(Study study, const std::vector<Replica>& rows, AxisRows kind);
/// The same, and of networks made elsewhere their names.
[[nodiscard]] std::vector<std::string> axis_table(const Config& config, const std::vector<Replica>& rows,
                                                  AxisRows kind);

}  // namespace flatsweep
