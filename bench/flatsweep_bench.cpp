// Times one piece of work and prints one line of JSON: the native side of compare_pytorch.py.
#include "flatsweep/analysis/curvature_operator.hpp"
#include "flatsweep/analysis/flatness.hpp"
#include "flatsweep/analysis/layer_hessian.hpp"
#include "flatsweep/analysis/pca.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"
#include "flatsweep/linalg/runtime.hpp"
#include "flatsweep/nn/architecture.hpp"
#include "flatsweep/par/replica_queue.hpp"
#include "flatsweep/train/task_trainer.hpp"
#include "flatsweep/train/trainer.hpp"

#include <boost/math/tools/toms748_solve.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace flatsweep;

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// One register: the compiler refuses wider values in asm.
#if defined(__AVX512F__)
constexpr int register_lanes = 16;
#elif defined(__AVX__)
constexpr int register_lanes = 8;
#else
constexpr int register_lanes = 4;
#endif
using Register = float __attribute__((vector_size(register_lanes * sizeof(float))));

/// Single-precision FMA peak of this core in GFlop/s: twelve independent chains, enough to fill two pipes four deep.
double fma_peak() {
  constexpr int chains = 12, repeats = 200000;
  Register sums[chains];
  for (int i = 0; i < chains; ++i) sums[i] = Register{} + 1.0F / static_cast<float>(i + 1);
  Register factor = Register{} + 0.999F, term = Register{} + 1e-3F;
  asm volatile("" : "+x"(factor), "+x"(term));          // values the compiler cannot know
  const auto begin = std::chrono::steady_clock::now();  // not in a lambda: the sums must stay in registers
  for (int r = 0; r < repeats; ++r)
    for (auto& sum : sums) sum = sum * factor + term;
  for (auto& sum : sums) asm volatile("" : : "x"(sum));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return 2.0 * register_lanes * chains * repeats / seconds * 1e-9;
}

struct Setup {
  ImageDataset data;
  Network network;
  TrainerOptions options;
  TrainerState state;

  explicit Setup(const DataOptions& where)
      : data(Communicator::self(), where), network(multilayer_perceptron(data.train().features, 2, 50, 10)) {
    state.weights = initial_weights(network, 1, Initialisation::plain);
  }
  Trainer trainer() { return {network, data.train(), data.test(), options, state}; }
};

enum class Work { epoch, step };

/// Seconds of the fastest of five epochs, or of a step in it, and that as percent of the peak measured between them.
/// Beside them what was done in so many seconds, which is to equal what the other side counts.
void report_training(const std::string& name, Trainer& trainer, const Network& network, const ImageSet& set,
                     int batch_size, Work work) {
  constexpr int repeats = 5;
  trainer.run_steps();
  double best = 1e9, peak = 0.0;
  for (int i = 0; i < repeats; ++i) {
    best = std::min(best, seconds_of([&] { trainer.run_steps(); }));
    peak = std::max(peak, fma_peak());
  }
  const auto steps = trainer.iterations_per_epoch(), samples = steps * batch_size;
  const auto works = work == Work::epoch ? 1 : steps;
  const auto images = work == Work::epoch ? std::string() : fmt::format("\"images\": {}, ", set.count());
  fmt::print(
      "{{\"name\": \"{}\", \"seconds\": {:.7f}, \"percent_of_peak\": {:.1f}, \"peak_gflops\": {:.0f}, "
      "\"work\": {{\"steps\": {}, \"samples\": {}, {}\"fastest_of\": {}}}}}\n",
      name, best / static_cast<double>(works),
      network.training_flops() * static_cast<double>(samples) / best * 1e-7 / peak, peak, steps / works,
      samples / works, images, repeats);
}

/// An SGD epoch of 784-width-width-10.
void mlp_epoch(const std::string& name, int batch_size, int width, const DataOptions& where) {
  Setup setup(where);
  setup.network = multilayer_perceptron(setup.data.train().features, 2, width, 10);
  setup.state.weights = initial_weights(setup.network, 1, Initialisation::plain);
  setup.options.batch_size = batch_size;
  auto trainer = setup.trainer();
  report_training(name, trainer, setup.network, setup.data.train(), batch_size, Work::epoch);
}

/// An SGD step of a convolution network at B = 50, on images of noise: convolutions take the same time for any.
void convolution_step(const std::string& name, const char* architecture, const ImageShape& image, int images) {
  Random random(1, RandomPurpose::simulation);
  std::vector<std::uint8_t> pixels(images * image.features());
  std::vector<std::uint8_t> labels(images);
  for (auto& pixel : pixels) pixel = static_cast<std::uint8_t>(random.below(256));
  for (auto& label : labels) label = static_cast<std::uint8_t>(random.below(10));
  const ImageSet set{pixels, labels, image.features()};
  const auto network = build_network(image, named_architecture(architecture).layers, 10);
  TrainerOptions options;
  options.optimizer.learning_rate = 0.01;
  TrainerState state;
  state.weights = initial_weights(network, 1, Initialisation::plain);
  Trainer trainer(network, set, set, options, state);
  report_training(name, trainer, network, set, options.batch_size, Work::step);
}

/// How many evaluations a scalar root finder takes for both sides of a direction: outward from the guess of slope and
/// curvature in steps of a half, then Boost's toms748 to the tolerance.
double scalar_evaluations(LayerProbe& probe, const DirectionFlatness& known, std::span<const float> direction) {
  double count = 0.0;
  const double log_loss = std::log(probe.loss());
  const auto excess = [&](double step) {
    ++count;
    double loss = 0.0;
    const LayerProbe::Profile profile{direction, {&step, 1}, {&loss, 1}};
    probe.evaluate({&profile, 1});
    return std::log(loss) - log_loss - 1.0;
  };
  constexpr double tolerance = FlatnessOptions{}.tolerance;
  const auto close = [&](double a, double b) {
    return std::abs(a - b) <= tolerance * std::max(std::abs(a), std::abs(b));
  };
  for (const double sign : {-1.0, 1.0}) {
    const double slope = sign * known.slope, root = std::sqrt(slope * slope + 2.0 * known.curvature);
    double low = 0.0, high = (root - slope) / known.curvature, below = -1.0, above = excess(sign * high);
    while (above < 0.0) {
      low = high;
      below = above;
      above = excess(sign * (high *= 1.5));
    }
    std::uintmax_t most = 100;
    (void)boost::math::tools::toms748_solve([&](double d) { return excess(sign * d); }, low, high, below, above, close,
                                            most);
  }
  return count;
}

/// A solution after ten epochs, the modes of the next one, and some hundred of them probed with all samples.
void flatness(const std::string& name, const DataOptions& where) {
  Setup setup(where);
  auto trainer = setup.trainer();
  for (int epoch = 0; epoch < 10; ++epoch) trainer.run_steps();
  const auto& layer = setup.network.layers[1];
  auto rows = std::make_shared<RowMatrixF>(trainer.iterations_per_epoch(), std::ssize(layer));
  Index row = 0;
  trainer.run_steps([&](std::span<const float> weights) {
    std::copy_n(weights.begin() + static_cast<std::ptrdiff_t>(layer.weights), layer.size(), rows->row(row++).data());
  });
  const auto self = Communicator::self();
  const auto pca = principal_components(self, in_memory(rows));
  LayerProbe probe(setup.network, trainer.state().weights, 1, setup.data.train());
  const auto chosen = choose_directions(static_cast<int>(pca.directions.cols()), 500);
  std::vector<DirectionFlatness> found;
  const double norm = pca.mean.norm();
  const double seconds = seconds_of([&] { found = measure_flatness(self, probe, pca.directions, chosen, norm, {}); });
  double evaluations = 0.0;
  for (const auto& f : found) evaluations += static_cast<double>(f.profile_theta.size());
  double scalar = 0.0, searched = 0.0;
  for (std::size_t i = 0; i < found.size(); i += 10) {
    if (found[i].status() != CrossingStatus::ok || !(found[i].curvature > 0.0)) continue;
    const Eigen::VectorXf direction = pca.directions.col(found[i].direction).cast<float>();
    scalar += scalar_evaluations(probe, found[i], {direction.data(), layer.size()});
    ++searched;
  }
  const auto count = static_cast<double>(chosen.size());
  const auto directions = layer.size();
  fmt::print(
      "{{\"name\": \"{}\", \"seconds\": {:.4f}, \"evaluations_per_direction\": {:.2f}, "
      "\"scalar_evaluations_per_direction\": {:.2f}, \"work\": {{\"directions\": {}, \"samples\": {}}}}}\n",
      name, seconds / count * static_cast<double>(directions), evaluations / count, scalar / searched, directions,
      setup.data.train().count());
}

/// All eigenvalues of the Hessian of the loss by the 2500 weights of fc2, after one epoch.
void hessian_spectrum(const DataOptions& where) {
  Setup setup(where);
  auto trainer = setup.trainer();
  trainer.run_steps();
  const auto self = Communicator::self();
  LayerExpansion expansion;
  EigenPairs pairs;
  const double matrix =
      seconds_of([&] { expansion = expand_loss(self, setup.network, trainer.state().weights, 1, setup.data.train()); });
  const double solve = seconds_of([&] { pairs = eigen_symmetric(std::move(expansion.hessian)); });
  fmt::print(
      "{{\"name\": \"hessian_spectrum\", \"seconds\": {:.3f}, \"matrix_seconds\": {:.3f}, "
      "\"largest_eigenvalue\": {:.4g}}}\n",
      matrix + solve, matrix, pairs.values(0));
}

/// Seconds of the fastest of five epochs of steps.
double fastest_step(TaskTrainer& trainer, ProximalStep* penalty) {
  double best = 1e9;
  for (int i = 0; i < 6; ++i) best = std::min(best, seconds_of([&] { trainer.run_epoch(penalty); }));
  return best / static_cast<double>(trainer.iterations_per_epoch());
}

/// An SGD step of a point of the whole reference network at B = 50, and the same with a penalty on modes of fc2, of so
/// many points of different strength side by side.
void penalty_step(const std::string& name, int modes, int points, const DataOptions& where) {
  Setup setup(where);
  const auto& layer = setup.network.layers[1];
  Random random(1, RandomPurpose::simulation);
  RowMatrixF directions(modes, std::ssize(layer));
  for (Index i = 0; i < directions.size(); ++i) directions.data()[i] = static_cast<float>(random.normal());
  directions.rowwise().normalize();  // not orthogonal, which takes the same time
  const auto first = setup.state.weights.begin() + static_cast<std::ptrdiff_t>(layer.weights);
  const std::vector<Penalty> penalties = {ModePenalty{
      layer.weight_block(), {first, first + std::ssize(layer)}, directions, std::vector<double>(modes, 1.0)}};
  std::vector<double> lambdas;
  for (int i = 0; i < points; ++i) lambdas.push_back(1e-3 * (1 + i));
  ProximalStep proximal(penalties, lambdas, setup.options.optimizer.learning_rate);
  const LayerInputs images(setup.network, setup.state.weights, 0, setup.data.train());
  TaskTrainer trainer(setup.network, images, setup.options, {{0, setup.network.parameters}},
                      std::vector(points, setup.state));
  const double plain = fastest_step(trainer, nullptr) / points, held = fastest_step(trainer, &proximal) / points;
  fmt::print("{{\"name\": \"{}\", \"seconds\": {:.7f}, \"plain_seconds\": {:.7f}, \"ratio\": {:.2f}}}\n", name, held,
             plain, held / plain);
}

/// The leading 20 eigenpairs of the Hessian of the loss by all weights and biases, after ten epochs: the operator's
/// preparation and every product count. The weights go to `weights` for the other side.
void hessian_top20(const DataOptions& where, const std::string& weights) {
  Setup setup(where);
  auto trainer = setup.trainer();
  for (int epoch = 0; epoch < 10; ++epoch) trainer.run_steps();
  const auto& solution = trainer.state().weights;
  if (!weights.empty())
    std::ofstream(weights, std::ios::binary)
        .write(reinterpret_cast<const char*>(solution.data()),
               static_cast<std::streamsize>(solution.size() * sizeof(float)));
  const auto self = Communicator::self();
  constexpr double tolerance = 1e-5;
  int products = 0;
  EigenPairs pairs;
  const double seconds = seconds_of([&] {
    CurvatureOperator hessian(self, setup.network, solution, setup.data.train(), CurvatureKind::hessian);
    const auto product = [&](std::span<const double> x, std::span<double> y) {
      hessian.apply(x, y);
      ++products;
    };
    pairs = leading_eigenpairs(product, hessian.size(), 20, tolerance);
  });
  fmt::print(
      "{{\"name\": \"hessian_top20\", \"seconds\": {:.3f}, \"products\": {}, \"worst_residual\": {:.2g}, "
      "\"eigenvalues\": [{:.9g}], \"work\": {{\"samples\": {}, \"weights\": {}, \"eigenpairs\": {}, \"tolerance\": "
      "{}}}}}\n",
      seconds, products, pairs.residuals.maxCoeff() / pairs.values(0), fmt::join(pairs.values, ", "),
      setup.data.train().count(), setup.network.parameters, pairs.values.size(), tolerance);
}

void pca(const DataOptions&) {
  Random random(1, RandomPurpose::simulation);
  auto rows = std::make_shared<RowMatrixF>(12000, 2500);
  for (Index i = 0; i < rows->size(); ++i) rows->data()[i] = static_cast<float>(random.uniform());
  const auto self = Communicator::self();
  Index modes = 0;
  const double seconds = seconds_of([&] { modes = principal_components(self, in_memory(rows)).directions.cols(); });
  fmt::print(
      "{{\"name\": \"pca\", \"seconds\": {:.4f}, \"work\": {{\"snapshots\": {}, \"weights\": {}, \"modes\": {}}}}}\n",
      seconds, rows->rows(), rows->cols(), modes);
}

/// Waits as long as a replica of this cost would work, on a scale of one to five hundred. @return seconds waited
double pretend(double cost) {
  return seconds_of([&] { std::this_thread::sleep_for(std::chrono::duration<double>(cost / 500.0)); });
}

/// Ten thousand simulated replicas of one second in the mean, between 0.2 and 5 s, from the real queue, costliest
/// first. Run it by mpirun on any number of ranks: what the calls of the queue take of a second's work, and how long
/// ranks wait for the last one.
void measure_queue(const char* name, ReplicaQueue::Method method) {
  constexpr std::int64_t tickets = 10000;
  const auto world = Communicator::world();
  std::vector<double> costs;
  Random random(1, RandomPurpose::simulation);
  for (std::int64_t i = 0; i < tickets; ++i) costs.push_back(0.2 * std::pow(25.0, random.uniform()));
  const double mean = std::accumulate(costs.begin(), costs.end(), 0.0) / tickets;
  for (double& cost : costs) cost /= mean;
  std::ranges::sort(costs, std::greater{});
  ReplicaQueue tickets_left(world, tickets, world.rank(), world.size(), "flatsweep-bench-queue", method);
  double calls = 0.0, simulated = 0.0;
  std::int64_t drawn = 0;
  world.barrier();
  const double wall = seconds_of([&] {
    for (;;) {
      std::optional<std::int64_t> ticket;
      calls += seconds_of([&] { ticket = tickets_left.draw(); });
      if (!ticket) break;
      const double cost = costs[*ticket];
      simulated += pretend(cost);
      calls += seconds_of([&] { tickets_left.finish(cost); });
      ++drawn;
    }
  });
  std::vector<double> sums = {calls, simulated};
  world.sum(sums);
  const double longest = world.max(wall);
  const auto fewest = world.min(drawn), most = world.max(drawn);
  if (!world.is_root()) return;
  fmt::print(
      "{{\"name\": \"{}\", \"method\": \"{}\", \"ranks\": {}, \"replicas\": {}, \"seconds_per_replica\": {:.3g}, "
      "\"share_of_a_second\": {:.3g}, \"idle\": {:.4f}, \"fewest\": {}, \"most\": {}}}\n",
      name, to_string(tickets_left.method()), world.size(), tickets, sums[0] / tickets, sums[0] / tickets,
      1.0 - sums[1] / (world.size() * longest), fewest, most);
}

void queue(const DataOptions&) { measure_queue("queue", ReplicaQueue::Method::one_sided); }
/// Its file is in the current folder, which all ranks must reach.
void queue_in_file(const DataOptions&) { measure_queue("queue_in_file", ReplicaQueue::Method::file); }

}  // namespace

int main(int argc, char** argv) {
  Runtime runtime({});
  DataOptions where;  // full MNIST
  std::string weights;
  const std::map<std::string, std::function<void(const DataOptions&)>> works = {
      {"mlp_epoch", [](const DataOptions& d) { mlp_epoch("mlp_epoch", 50, 50, d); }},
      {"mlp_epoch_b10", [](const DataOptions& d) { mlp_epoch("mlp_epoch_b10", 10, 50, d); }},
      {"mlp_epoch_b500", [](const DataOptions& d) { mlp_epoch("mlp_epoch_b500", 500, 50, d); }},
      {"mlp_epoch_h20", [](const DataOptions& d) { mlp_epoch("mlp_epoch_h20", 50, 20, d); }},
      {"mlp_epoch_h200", [](const DataOptions& d) { mlp_epoch("mlp_epoch_h200", 50, 200, d); }},
      {"lenet5_step",
       [](const DataOptions&) {
         convolution_step("lenet5_step", "lenet5", {3, 32, 32}, 20000);
       }},
      {"s1b_step",
       [](const DataOptions&) {
         convolution_step("s1b_step", "cnn-s1b", {1, 28, 28}, 10000);
       }},
      {"flatness_cached", [](const DataOptions& d) { flatness("flatness_cached", d); }},
      {"flatness_full", [](const DataOptions& d) { flatness("flatness_full", d); }},
      {"hessian_spectrum", hessian_spectrum},
      {"penalty_step", [](const DataOptions& d) { penalty_step("penalty_step", 600, 1, d); }},
      {"penalty_step_200", [](const DataOptions& d) { penalty_step("penalty_step_200", 200, 1, d); }},
      {"penalty_step_13_points", [](const DataOptions& d) { penalty_step("penalty_step_13_points", 600, 13, d); }},
      {"hessian_top20", [&weights](const DataOptions& d) { hessian_top20(d, weights); }},
      {"queue", queue},
      {"queue_in_file", queue_in_file},
      {"pca", pca}};
  if (argc < 2 || !works.contains(argv[1])) return 2;
  for (int i = 2; i + 1 < argc; i += 2) {
    if (std::string(argv[i]) == "--weights") weights = argv[i + 1];
    if (std::string(argv[i]) == "--data") {
      const std::filesystem::path folder = argv[i + 1];
      where.root = folder.parent_path();
      where.name = folder.filename();
    }
  }
  works.at(argv[1])(where);
  return EXIT_SUCCESS;
}
