#pragma once

#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/nn/large_pages.hpp"
#include "flatsweep/nn/network_executor.hpp"
#include "flatsweep/nn/relu_head.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace flatsweep {

/// Loss over a whole image set as one layer's weights move: L(w_0 + d p), p living in that layer. What does not depend
/// on p is computed once: the layer's input h and its pre-activations z_0 = W h + b. A direction then costs one product
/// q = h p^T, and a step size d the activation of z_0 + d q and the layers behind. Samples are worked through in blocks
/// that stay in cache, many step sizes at a time. A convolution layer has so many pre-activations that computing them
/// anew for each direction costs less than fetching them from memory. Where only the outputs come behind the layer,
/// blocks hold samples of one class and of about the same loss at w_0, the smallest losses first. Rank-local.
class LayerProbe {
 public:
  LayerProbe(const Network& network, std::span<const float> weights, int layer, const ImageSet& set);

  /// Mean loss at w_0.
  [[nodiscard]] double loss() const { return loss_; }
  [[nodiscard]] Loss loss_function() const { return network_.loss; }

  using WeightDirection = std::span<const float>;  ///< (size of the layer,), in the order of its weights

  /// What calls along one direction leave for the next ones of the same probe: q of all samples, where memory allows,
  /// and how much every block of samples lost where. Blocks need not be evaluated again whose loss cannot have changed
  /// by more than `negligible` from the nearest step at which they were.
  class Line {
   public:
    /// Forgets the direction before and keeps the memory.
    /// @param direction must live as long as it is asked for   @param negligible in the mean loss, all blocks together
    void start(WeightDirection direction, double negligible);

   private:
    friend class LayerProbe;
    struct Evaluated {
      float step = 0.0F;
      std::vector<double> losses;  // of each block, summed over samples; NaN where it was not evaluated
      struct Other {
        double distance;
        std::size_t number;
      };
      std::vector<Other> nearest;  // steps before this one, by distance
      double allowance = 0.0;      // what the blocks so far may have been wrong by, less what they may be
    };
    void add_step(float step, std::size_t blocks);
    /// The block's loss at the nearest step where it was evaluated, if it stands for that at this step too.
    [[nodiscard]] std::optional<double> known(std::size_t block, int samples, Evaluated& at) const;

    WeightDirection direction_;
    double negligible_ = 0.0;
    LargeArray responses_;       // q of one block after another
    std::vector<double> rates_;  // how fast a block's gaps between outputs may move; NaN: not known
    std::vector<Evaluated> evaluated_;
  };

  /// Mean loss at w_0 and its first and second derivative along a direction, exact between kinks.
  struct Derivatives {
    double loss = 0.0, first = 0.0, second = 0.0;
  };
  [[nodiscard]] std::vector<Derivatives> derivatives(std::span<const WeightDirection> directions);
  [[nodiscard]] std::vector<Derivatives> derivatives(std::span<Line* const> lines);

  /// Mean losses at w_0 + steps[i] * direction go to `losses`.
  struct Profile {
    WeightDirection direction;
    std::span<const double> steps;
    std::span<double> losses;
    Line* line = nullptr;  ///< of the direction, where calls follow one another
  };
  void evaluate(std::span<const Profile> profiles);

  /// The network's outputs for one block of samples at one step.
  struct LogitBlock {
    std::span<const std::int64_t> samples;  ///< their numbers in the set
    std::size_t step = 0;                   ///< which of the steps
    std::span<const std::uint8_t> labels;
    const Eigen::ArrayXXf& logits;  ///< (at least labels.size(), classes); rows past the samples mean nothing
  };
  /// Gives `visit` the outputs of every block at w_0 + steps[i] * direction, all steps of a block one after another.
  void visit_logits(WeightDirection direction, std::span<const double> steps,
                    const std::function<void(const LogitBlock&)>& visit);

  /// So many directions at a time are worth while: what is read for one block of samples serves them all, and their
  /// lines fit `line_memory` together.
  [[nodiscard]] int directions_at_a_time() const;
  /// As many lines as that, of which the memory stays with the probe; for one caller at a time.
  [[nodiscard]] std::span<Line> lines();
  /// Most bytes that the responses of the lines at work may take; none are kept where one line needs more.
  static constexpr std::size_t line_memory = std::size_t{64} << 20;
  static constexpr std::size_t most_lines = 8;

 private:
  struct Block {
    std::span<const std::int64_t> samples;
    std::vector<std::uint8_t> labels;
    double loss = 0.0;  // at w_0, summed over samples
    [[nodiscard]] int size() const { return static_cast<int>(labels.size()); }
  };
  /// Rows W_k - W_c and numbers b_k - b_c of the last layer, for all classes k but c.
  struct Gaps {
    std::vector<float> weights, bias;
    double reach = 0.0;  // the largest norm of a row
  };
  /// A block at work: what it takes from memory, or computes, is taken when it is first asked for.
  class Visit;

  void build_gaps();
  std::vector<double> sort_samples();
  void cut_into_blocks(const std::vector<double>& excess);
  void run_blocks();
  [[nodiscard]] std::vector<const std::uint8_t*> images_of(const Block& block) const;
  [[nodiscard]] std::span<const float> input_of(Visit& visit);
  [[nodiscard]] std::span<const float> preactivations_of(Visit& visit);
  void preactivate(std::span<const float> input, std::span<float> z);
  [[nodiscard]] std::size_t response_bytes() const;
  [[nodiscard]] bool keeps_responses() const;
  /// Makes room for what is about to be evaluated.
  void prepare(Line& line, std::span<const double> steps) const;
  /// The block's q, in the line's memory, or in `response_` without a line or without room.
  [[nodiscard]] std::span<const float> response_of(Visit& visit, WeightDirection direction, Line* line);
  void keep_probabilities(std::size_t number);
  /// The layer behind as it puts out the block's gaps.
  [[nodiscard]] ReluHead gap_head(Visit& visit, std::span<const float> response) const;
  [[nodiscard]] double gap_rate(Visit& visit, std::span<const float> response) const;
  void move_to(std::span<const float> z, std::span<const float> response, float step);
  /// The block's loss after a step, summed over its samples.
  [[nodiscard]] double loss_after(Visit& visit, std::span<const float> response, float step);
  void add_losses(Visit& visit, const Profile& profile);
  /// Begins to fetch what the line keeps of a block.
  void fetch(const Line* line, std::size_t block) const;
  [[nodiscard]] std::vector<Derivatives> derivatives_along(std::span<const WeightDirection> directions,
                                                           std::span<Line* const> lines);
  /// Puts the block's activations at w_0 in place and, where the layer or one behind it is curved, its input.
  void activate_at_zero(Visit& visit);
  /// Of one direction, after `activate_at_zero` where more than the outputs comes behind.
  DerivativeSum derivatives_of(Visit& visit, WeightDirection direction, Line* line);
  [[nodiscard]] const Layer& layer() const { return network_.layers[layer_]; }
  /// Do the samples' losses follow from z_0 + d q through ReLU, the last layer and the cross-entropy?
  [[nodiscard]] bool only_outputs_behind() const;

  Network network_;
  std::vector<float> weights_;
  int layer_;
  const ImageSet& set_;
  NetworkExecutor executor_;
  LayerExecutor& pass_;
  std::vector<Line> lines_;
  AlignedVector<float> response_;       // q of the block at hand
  AlignedVector<float> preactivation_;  // z_0 of the block at hand, of a convolution
  std::vector<float> product_;          // of the Hessian with a direction, where activations are curved
  std::vector<std::int64_t> order_;     // of the samples in the blocks
  std::vector<Gaps> gaps_;              // of each class where only the outputs come behind
  std::vector<Block> blocks_;
  // Of one block after another:
  LargeArray inputs_;          // h; not of the first layer, whose input is read from the image bytes
  LargeArray preactivations_;  // z_0, bias included; not of convolutions
  LargeArray probabilities_;   // of the other classes at w_0, where only the outputs come behind
  double loss_ = 0.0;
};

}  // namespace flatsweep
