// Moons of Jupiter: Kepler's third law as a power law, fitted by what fits psi.
#include <flatsweep/analysis/power_law.hpp>

#include <cmath>
#include <cstdio>

int main() {
  // Io, Europa, Ganymede, Callisto: mean distance in 1000 km, period in days (NASA's planetary fact sheets).
  const flatsweep::PowerLawSample moons{{421.8, 671.1, 1070.4, 1882.7}, {1.769138, 3.551181, 7.154553, 16.689017}};
  const auto fit = flatsweep::fit_power_law({&moons, 1}, 4);
  std::printf("period ~ distance^%.3f (95 %%: %.3f to %.3f), Kepler: 1.5\n", fit.value, fit.low, fit.high);
  return std::abs(fit.value - 1.5) < 0.001 ? 0 : 1;
}
