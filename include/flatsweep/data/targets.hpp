#pragma once

#include "flatsweep/base/enum_words.hpp"

namespace flatsweep {

/// What the outputs of a network are compared with.
enum class Targets { classes, real };

template <>
inline constexpr auto enum_words<Targets> = make_enum_words<Targets>({
    {Targets::classes, "classes", "the class of each sample, an output for every class"},
    {Targets::real, "real", "real numbers, one for every output; only with the square loss"},
});

}  // namespace flatsweep
