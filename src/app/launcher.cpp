#include "launcher.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>
#include <vector>

namespace flatsweep {

namespace {

/// What a launcher says of the programs that it starts, in the environment, which a shell that it started passes on.
struct LauncherVariables {
  const char* count;
  const char* own_number;
};
constexpr std::array<LauncherVariables, 3> launchers = {{{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
                                                         {"PMI_SIZE", "PMI_RANK"},
                                                         {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID"}}};

constexpr std::array<std::string_view, 6> launcher_processes = {"slurmstepd", "hydra_", "pmi_proxy",
                                                                "orted",      "prted",  "mpi"};
constexpr std::array<std::string_view, 6> shells = {"sh", "bash", "dash", "ksh", "zsh", "csh"};
constexpr int most_ancestors = 64;

int number_in(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? 0 : std::atoi(text);
}

struct Process {
  std::string name;
  std::vector<std::string> words;  // of its command line
  int parent = 0;
};

std::string contents_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Process process(int number) {
  const auto folder = "/proc/" + std::to_string(number);
  Process found;
  std::istringstream name(contents_of(folder + "/comm")), words(contents_of(folder + "/cmdline"));
  std::getline(name, found.name);
  for (std::string word; std::getline(words, word, '\0');) found.words.push_back(word);
  const auto state = contents_of(folder + "/stat");
  std::istringstream rest(state.substr(std::min(state.rfind(')') + 1, state.size())));
  char letter = 0;
  rest >> letter >> found.parent;
  return found;
}

bool is_launcher(const Process& process) {
  return std::ranges::any_of(launcher_processes, [&](auto name) { return process.name.starts_with(name); });
}

/// Whether it is a shell that was given something to run: a script, or -c with a command. One where somebody types was
/// given options at most.
bool runs_a_script(const Process& process) {
  if (process.words.empty()) return false;
  // The kernel names a process that runs an executable script after the script.
  auto shell = process.words.front();
  shell.erase(0, shell.rfind('/') + 1);
  if (std::ranges::find(shells, shell) == shells.end()) return false;
  return std::any_of(process.words.begin() + 1, process.words.end(),
                     [](const std::string& word) { return word == "-c" || !word.starts_with("-"); });
}

/// Whether nothing but scripts stands between a launcher's own process and this one.
bool started_by_launcher() {
  int number = getppid();
  for (int i = 0; i < most_ancestors && number > 1; ++i) {
    const auto above = process(number);
    if (is_launcher(above)) return true;
    if (!runs_a_script(above)) return false;
    number = above.parent;
  }
  return false;
}

}  // namespace

Launcher launcher_of_this_process() {
  for (const auto& [count, own_number] : launchers)
    if (number_in(count) > 1) return {count, number_in(count), number_in(own_number)};
  return {};
}

std::optional<Launcher> launched_in_copies() {
  auto launcher = launcher_of_this_process();
  if (launcher.count <= 1 || (launcher.number == 0 && !started_by_launcher())) return std::nullopt;
  return launcher;
}

}  // namespace flatsweep
