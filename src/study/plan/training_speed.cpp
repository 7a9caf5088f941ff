#include "flatsweep/study/cost/cost.hpp"
#include "flatsweep/study/plan/plan.hpp"
#include "flatsweep/train/trainer.hpp"
#include "study/unit/window_plan.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace flatsweep {

namespace {

constexpr int most_timings = 5;
constexpr double least_seconds = 0.02;    // of a timing
constexpr double seconds_of_kind = 0.5;   // of the timings of one kind, unless the first takes longer
constexpr double seconds_of_kinds = 2.0;  // after which no more kinds are timed

double median(std::vector<double> values) {
  if (values.empty()) return 1.0;
  std::ranges::nth_element(values, values.begin() + std::ssize(values) / 2);
  return values[values.size() / 2];
}

/// So many images of a set, evenly spread, from one that differs from timing to timing: their pixels come from memory,
/// as those of a whole epoch do.
class SomeImages {
 public:
  SomeImages(const ImageSet& all, std::int64_t count, std::int64_t first) : set_(all) {
    count = std::min(count, all.count());
    const auto stride = all.count() / count;
    for (std::int64_t i = 0; i < count; ++i) {
      const auto place = i * stride + first % stride;
      places_.push_back(all.places.empty() ? place : all.places[place]);
      labels_.push_back(all.labels[place]);
    }
    set_.labels = labels_;
    set_.places = places_;
  }
  ~SomeImages() = default;
  SomeImages(const SomeImages&) = delete;
  SomeImages& operator=(const SomeImages&) = delete;
  [[nodiscard]] const ImageSet& set() const { return set_; }

 private:
  std::vector<std::uint32_t> places_;
  std::vector<std::uint8_t> labels_;
  ImageSet set_;
};

/// Times epochs of one kind of network and minibatch.
class EpochTimer {
 public:
  EpochTimer(const Config& config, const Replica& replica, const ImageDataset& data)
      : config_(config), replica_(replica), data_(data), network_(replica.network(data.shape())) {
    replica_.learning_rate = 1e-4;  // far from diverging
  }

  /// CPU seconds of an epoch of the whole set, with its evaluations: the median.
  [[nodiscard]] double seconds() const {
    std::int64_t images = std::min<std::int64_t>(replica_.batch_size, data_.train().count());
    double each = timed(images, 0);
    while (each < least_seconds && 2 * images <= data_.train().count()) {
      images *= 2;
      each = timed(images, 0);
    }
    std::vector<double> found = {each};
    const int more = std::min<double>(most_timings - 1, seconds_of_kind / std::max(each, 1e-6));
    for (int i = 1; i <= more; ++i) found.push_back(timed(images, i));
    return median(found) * data_.train().count() / images;
  }

 private:
  [[nodiscard]] double timed(std::int64_t images, std::int64_t first) const {
    const auto tests = std::max<std::int64_t>(1, images * data_.test().count() / data_.train().count());
    const SomeImages train(data_.train(), images, first), test(data_.test(), tests, first);
    TrainerState state;
    state.weights = replica_.initial_weights(network_, config_.network);
    Trainer trainer(network_, train.set(), test.set(), replica_.trainer_options(config_), std::move(state));
    const double begin = cpu_seconds();
    trainer.run_epoch();
    return cpu_seconds() - begin;
  }

  const Config& config_;
  Replica replica_;
  const ImageDataset& data_;
  Network network_;
};

/// What training time depends on: the rest is the same for all.
Replica kind_of(Replica replica) {
  replica.learning_rate = replica.initial_scale = 1.0;
  replica.weight_decay = replica.label_noise = 0.0;
  replica.train_limit = 0;
  replica.sampling = Sampling::reshuffle;
  return replica;
}

}  // namespace

std::vector<double> measure_training(const Config& config, const Plan& plan, const ImageDataset& data, double rate) {
  std::vector<double> factors(plan.units.size(), 1.0);
  if (config.study != Study::landscape && config.study != Study::continual) return factors;
  std::vector<Replica> kinds;
  std::vector<double> measured;
  std::vector<std::optional<std::size_t>> kind_of_unit(plan.units.size());
  const double begin = cpu_seconds();
  for (const auto number : plan.drawn) {
    const auto& replica = plan.units[number].replica;
    const auto kind = kind_of(replica);
    const auto known = std::ranges::find_if(kinds, [&](const Replica& k) { return same_grid_point(k, kind); });
    if (known == kinds.end()) {
      if (cpu_seconds() - begin > seconds_of_kinds) continue;
      kinds.push_back(kind);
      measured.push_back(EpochTimer(config, replica, data).seconds() / epoch_seconds(replica, data.shape(), rate));
      kind_of_unit[number] = kinds.size() - 1;
    } else {
      kind_of_unit[number] = known - kinds.begin();
    }
  }
  for (std::size_t i = 0; i < factors.size(); ++i)
    factors[i] = kind_of_unit[i] ? measured[*kind_of_unit[i]] : median(measured);
  return factors;
}

}  // namespace flatsweep
