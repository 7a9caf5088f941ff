// Times one piece of work and prints one line of JSON: the native side of compare_pytorch.py.
#include "flatsweep/app/runtime.hpp"
#include "flatsweep/train/trainer.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>

namespace {

using namespace flatsweep;

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
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

void mlp_epoch(const DataOptions& where) {
  Setup setup(where);
  auto trainer = setup.trainer();
  trainer.run_steps();
  double best = 1e9;
  for (int i = 0; i < 5; ++i) best = std::min(best, seconds_of([&] { trainer.run_steps(); }));
  const double flops = setup.network.training_flops() * static_cast<double>(setup.data.train().count());
  fmt::print("{{\"name\": \"mlp_epoch\", \"seconds\": {:.6f}, \"gflops\": {:.1f}}}\n", best, flops / best * 1e-9);
}

}  // namespace

int main(int argc, char** argv) {
  Runtime runtime({});
  DataOptions where{.name = "mnist", .root = "data"};
  const std::map<std::string, std::function<void(const DataOptions&)>> works = {{"mlp_epoch", mlp_epoch}};
  if (argc < 2 || !works.contains(argv[1])) return 2;
  for (int i = 2; i + 1 < argc; i += 2)
    if (std::string(argv[i]) == "--data") {
      const std::filesystem::path folder = argv[i + 1];
      where.root = folder.parent_path();
      where.name = folder.filename();
    }
  works.at(argv[1])(where);
  return EXIT_SUCCESS;
}
