#pragma once

#include "flatsweep/base/enum_words.hpp"

namespace flatsweep {

/// The loss of one sample, of which the mean over samples is taken.
enum class Loss { cross_entropy, square };

template <>
inline constexpr auto enum_words<Loss> = make_enum_words<Loss>({
    {Loss::cross_entropy, "cross-entropy", "softmax cross-entropy of the outputs"},
    {Loss::square, "square",
     "half of the sum over outputs of (output - target)^2, the target 1 at the right class and 0 elsewhere, or real: "
     "outputs/2 times PyTorch's MSELoss"},
});

}  // namespace flatsweep
