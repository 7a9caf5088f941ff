#pragma once

#include "flatsweep/data/targets.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace flatsweep {

/// The data.name of samples that are made, not read.
inline constexpr std::string_view teacher_name = "teacher";

/// Table [data.teacher] of the configuration.
struct TeacherOptions {
  int inputs = 100;  ///< d
  int outputs = 2;   ///< K, classes or real targets
  int width = 50;    ///< hidden units of the teacher; 0: its outputs are linear in the inputs
  std::int64_t train_samples = 2000;
  std::int64_t test_samples = 1000;
  double covariance_exponent = 0.0;  ///< a of the inputs' variances i^-a, i = 1 to d
  double noise = 0.0;                ///< deviation of what is added to real targets
  std::int64_t seed = 1;
};

/// A random network that gives targets to random inputs: x_i ~ N(0, i^-a), outputs V tanh(W x) with hidden units, V x
/// without, all weights N(0, 1/inputs of their layer). A sample depends on the options but for the numbers of samples,
/// and on its own number alone: the first so many samples are the same in a larger set.
class Teacher {
 public:
  enum class Part { train, test };

  explicit Teacher(const TeacherOptions& options);

  /// The inputs of one sample, and the teacher's outputs for them, without noise.
  /// @param inputs (d,)  @param outputs (K,)
  void sample(Part part, std::int64_t number, std::span<float> inputs, std::span<double> outputs) const;
  /// What is added to the real targets of a sample.   @param noise (K,)
  void add_noise(Part part, std::int64_t number, std::span<double> outputs) const;

 private:
  TeacherOptions options_;
  std::vector<double> deviation_;        // of each input
  std::vector<double> hidden_, output_;  // (width, d) and (K, width), or empty and (K, d)
};

}  // namespace flatsweep
