#pragma once

#include "flatsweep/study/grid/grid.hpp"
#include "study/store/columns.hpp"

#include <vector>

namespace flatsweep {

/// Columns that name replicas, or with AxisRows::grid_points those that name grid points: the architecture, and one for
/// each axis that the study knows.
[[nodiscard]] std::vector<Column<Replica>> grid_columns(Study study, AxisRows rows);
/// The same; of networks made elsewhere their name, and of replicas the columns that users gave them.
[[nodiscard]] std::vector<Column<Replica>> grid_columns(const Config& config, AxisRows rows);

/// The columns that name a grid point, of rows that hold a replica of it.  @param study, or the configuration
template <class Row>
[[nodiscard]] std::vector<Column<Row>> grid_columns_of(const auto& study, Replica Row::*point) {
  std::vector<Column<Row>> columns;
  for (const auto& column : grid_columns(study, AxisRows::grid_points)) columns.push_back(of_part(column, point));
  return columns;
}

}  // namespace flatsweep
