#include "flatsweep/analysis/projection.hpp"

#include "chosen_columns.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/products.hpp"
#include "flatsweep/par/agreement.hpp"

#include <algorithm>

namespace flatsweep {

namespace {

constexpr std::size_t panel_width = 128;

/// Neighbouring chosen directions whose series are computed by one product, which has the same shape for every panel:
/// the last is filled up with zeros.
struct Panel {
  std::size_t first = 0;   // position of its first direction among the chosen
  Eigen::MatrixXd basis;   // (N, panel_width)
  Eigen::MatrixXd series;  // (T, panel_width)
};

Panel make_panel(const DirectionSet& set, const std::vector<int>& chosen, std::size_t number) {
  Panel panel;
  panel.first = number * panel_width;
  panel.basis = Eigen::MatrixXd::Zero(set.directions.rows(), panel_width);
  const std::size_t count = std::min(panel_width, chosen.size() - panel.first);
  for (std::size_t i = 0; i < count; ++i) panel.basis.col(i) = set.directions.col(chosen[panel.first + i]);
  panel.series.resize(set.iterations, panel_width);
  return panel;
}

void project_panels(const Communicator& team, const SnapshotSource& window, const DirectionSet& set,
                    std::vector<Panel>& panels) {
  Index filled = 0;
  for_each_shared_block(team, window, [&](const SnapshotBlock& rows) {
    const Eigen::MatrixXd centred = rows.cast<double>().rowwise() - set.mean.transpose();
    for (auto& panel : panels) multiply(centred, panel.basis, panel.series.middleRows(filled, rows.rows()));
    filled += rows.rows();
  });
}

void give(const std::vector<Panel>& panels, std::size_t end, const ProjectionVisitor& visit) {
  for (const auto& panel : panels) {
    std::vector<std::span<const double>> series;
    for (std::size_t i = 0; i < panel_width && panel.first + i < end; ++i) {
      const auto column = panel.series.col(i);
      series.emplace_back(column.data(), column.size());
    }
    visit(panel.first, series);
  }
}

std::size_t quotient_up(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

}  // namespace

void for_each_projection(const Communicator& team, const SnapshotSource& window, const DirectionSet& set,
                         const std::vector<int>& chosen, std::int64_t budget, const ProjectionVisitor& visit) {
  check_columns(set.directions, chosen);
  const std::size_t ranks = team.size();
  const std::size_t total = quotient_up(chosen.size(), panel_width);
  const std::int64_t panel_bytes = set.iterations * static_cast<std::int64_t>(panel_width * sizeof(double));
  const std::size_t at_a_time = std::max<std::int64_t>(1, budget / panel_bytes);
  for (std::size_t begin = 0; begin < total; begin += at_a_time * ranks) {
    std::vector<Panel> panels;
    const std::size_t end = std::min(total, begin + at_a_time * ranks);
    for (std::size_t number = begin + team.rank(); number < end; number += ranks)
      panels.push_back(make_panel(set, chosen, number));
    project_panels(team, window, set, panels);
    agree(team, [&] { give(panels, chosen.size(), visit); });
  }
}

}  // namespace flatsweep
