// A training step takes no memory: epochs of different length allocate the same number of times.
#include "flatsweep/nn/architecture.hpp"
#include "flatsweep/train/trainer.hpp"
#include "nn/oracle.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>

namespace {
long allocations = 0;
}

// This program's own malloc and its kin count and hand on to those of the C library; operator new calls malloc. Address
// sanitizer brings its own, which call a hook (declared here, as GCC comes without the header).
#ifdef __SANITIZE_ADDRESS__
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void*, std::size_t),
                                                         void (*)(const volatile void*));
namespace {
void count(const volatile void* /*memory*/, std::size_t /*size*/) { ++allocations; }
void ignore(const volatile void* /*memory*/) {}
[[maybe_unused]] const int hooks_installed = __sanitizer_install_malloc_and_free_hooks(count, ignore);
}  // namespace
#else
// NOLINTBEGIN(bugprone-reserved-identifier, readability-inconsistent-declaration-parameter-name): the C library's names
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void* malloc(std::size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  ++allocations;
  return __libc_calloc(count, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  ++allocations;
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  ++allocations;
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}
}
// NOLINTEND(bugprone-reserved-identifier, readability-inconsistent-declaration-parameter-name)
#endif

namespace flatsweep::allocation_test {
namespace {

Network small_convolutional() {
  return build_network({1, 12, 12},
                       {parse_layer_spec("conv 6 kernel 3 padding 1"), parse_layer_spec("pool 2"),
                        parse_layer_spec("conv 16 kernel 3"), parse_layer_spec("fc 9")},
                       5);
}

/// Allocations of the second epoch, when all memory that is taken once has been taken.
long allocations_of_an_epoch(const Network& network, OptimizerKind kind, int minibatches) {
  constexpr int batch = 10;
  const ToyImages train(minibatches * batch, network.inputs(), network.classes(), 2);
  TrainerOptions options{batch, Sampling::reshuffle, 1, {.kind = kind}};
  options.optimizer.learning_rate = 0.01;
  TrainerState state;
  state.weights = initial_weights(network, 1, Initialisation::plain);
  Trainer trainer(network, train.set, train.set, options, state);
  (void)trainer.run_steps();
  const long before = allocations;
  (void)trainer.run_steps();
  return allocations - before;
}

TEST(Allocation, OfAnEpochDoesNotDependOnTheNumberOfSteps) {
  for (const auto& network : {multilayer_perceptron(144, 2, 8, 5), small_convolutional()})
    for (const auto kind :
         {OptimizerKind::sgd, OptimizerKind::momentum, OptimizerKind::nesterov, OptimizerKind::adam}) {
      const long few = allocations_of_an_epoch(network, kind, 3);
      EXPECT_GT(few, 0);  // the epoch's order of samples: the counters count
      EXPECT_EQ(allocations_of_an_epoch(network, kind, 40), few)
          << network.layers.front().name << ", " << to_string(kind);
    }
}

}  // namespace
}  // namespace flatsweep::allocation_test
