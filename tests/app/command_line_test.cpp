#include "flatsweep/app/command_line.hpp"

#include "flatsweep/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace flatsweep::command_line_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

CommandLine parse(std::vector<const char*> words) {
  words.insert(words.begin(), "flatsweep");
  return parse_command_line(static_cast<int>(words.size()), words.data());
}

void expect_refused(const std::vector<const char*>& words, const std::string& message) {
  try {
    (void)parse(words);
    ADD_FAILURE() << "accepted, expected: " << message;
  } catch (const ConfigError& error) {
    EXPECT_EQ(error.what(), message);
  }
}

TEST(CommandLine, AFileAloneIsAFreshRunBesideItsName) {
  const auto line = parse({"inputs/grid.toml"});
  EXPECT_EQ(line.action, Action::run);
  EXPECT_EQ(line.mode, OutputMode::fresh);
  EXPECT_EQ(line.verbosity, Verbosity::normal);
  EXPECT_EQ(line.config, "inputs/grid.toml");
  EXPECT_EQ(line.output, "runs/grid");
  EXPECT_TRUE(line.assignments.empty());
  EXPECT_TRUE(line.petsc_options.empty());
}

TEST(CommandLine, ReadsEveryOption) {
  const auto line = parse({"--output", "out", "--resume", "--dry-run", "--set", "train.seed=2", "grid.toml", "--set",
                           "grid.seed=[1, 2]", "--quiet"});
  EXPECT_EQ(line.action, Action::dry_run);
  EXPECT_EQ(line.mode, OutputMode::resume);
  EXPECT_EQ(line.verbosity, Verbosity::quiet);
  EXPECT_EQ(line.config, "grid.toml");
  EXPECT_EQ(line.output, "out");
  EXPECT_THAT(line.assignments, ElementsAre("train.seed=2", "grid.seed=[1, 2]"));
  EXPECT_EQ(parse({"grid.toml", "--overwrite"}).mode, OutputMode::overwrite);
  EXPECT_EQ(parse({"grid.toml", "--output=here"}).output, "here");
}

TEST(CommandLine, WhatFollowsTwoDashesIsForPetsc) {
  const auto line = parse({"grid.toml", "--", "-log_view", "--output", "x"});
  EXPECT_THAT(line.petsc_options, ElementsAre("-log_view", "--output", "x"));
  EXPECT_EQ(line.output, "runs/grid");
}

TEST(CommandLine, WhatIsNoPetscOptionIsRefused) {
  EXPECT_NO_THROW((void)parse({"grid.toml", "--", "-eps_tol", "-0.5", "-eps_monitor", "--log", "-mat_type", "aij"}));
  const std::string message =
      " behind -- is no PETSc option and no value of one; options begin with a dash, as in -eps_nev";
  expect_refused({"grid.toml", "--", "eps_nev", "3"}, "command line: 'eps_nev'" + message);
  expect_refused({"grid.toml", "--", "-eps_tol", "1", "eps_nev"}, "command line: 'eps_nev'" + message);
}

TEST(CommandLine, HelpAndVersionNeedNoFile) {
  EXPECT_EQ(parse({"--help"}).action, Action::show_help);
  EXPECT_EQ(parse({"--version"}).action, Action::show_version);
  EXPECT_EQ(parse({"grid.toml", "--version", "--help"}).action, Action::show_help);
  EXPECT_EQ(parse({"--help-keys"}).action, Action::show_keys);
  EXPECT_EQ(parse({"--help-key", "train.momentum"}).action, Action::show_keys);
  EXPECT_FALSE(text_asked_for(parse({"grid.toml"})));
}

TEST(CommandLine, TheSelfTestNeedsNoFile) {
  for (const auto* spelling : {"--selftest", "selftest"}) {
    const auto line = parse({spelling, "--", "-eps_ncv", "9"});
    EXPECT_EQ(line.action, Action::selftest);
    EXPECT_EQ(line.output, ".");
    EXPECT_THAT(line.petsc_options, ElementsAre("-eps_ncv", "9"));
    EXPECT_EQ(parse({spelling, "--output", "scratch"}).output, "scratch");
  }
  EXPECT_EQ(parse({"./selftest"}).action, Action::run);
  expect_refused({"--selftest", "grid.toml"},
                 "command line: --selftest takes no configuration file; see flatsweep --help");
}

TEST(CommandLine, ASliceHasAFolderOfItsOwnInTheOutput) {
  const auto line = parse({"grid.toml", "--slice", "2/8", "--resume"});
  EXPECT_EQ(line.slice, (Slice{2, 8}));
  EXPECT_EQ(line.output, "runs/grid/slice-2-of-8");
  EXPECT_EQ(parse({"grid.toml", "--slice=0/3", "--output", "out"}).output, "out/slice-0-of-3");
  EXPECT_EQ(parse({"grid.toml", "--slice", "0/1"}).output, "runs/grid");
}

TEST(CommandLine, RefusesWhatIsNoSlice) {
  for (const std::string text : {"8/8", "-1/8", "3", "1/", "/2", "1/2x", "a/b", "0/0", "1.5/2"})
    expect_refused(
        {"grid.toml", ("--slice=" + text).c_str()},
        "command line: --slice " + text + " is no slice; write I/N with I from 0 to N - 1, as in --slice 0/8");
  expect_refused({"merge", "a", "--slice", "0/2"},
                 "command line: --slice goes with a configuration file; see flatsweep --help");
}

TEST(CommandLine, PlansForAnyNumberOfRanks) {
  EXPECT_EQ(parse({"grid.toml", "--dry-run", "--ranks", "1024"}).ranks, 1024);
  EXPECT_EQ(parse({"grid.toml", "--dry-run"}).ranks, 0);
  expect_refused({"grid.toml", "--dry-run", "--ranks", "0"},
                 "command line: --ranks 0: write a number of ranks from 1 to 1000000");
  expect_refused({"grid.toml", "--ranks", "8"},
                 "command line: --ranks goes with --dry-run; the launcher says how many ranks run: mpirun -n N");
}

TEST(CommandLine, MergesIntoTheFolderThatHoldsTheSlices) {
  for (const auto* spelling : {"merge", "--merge"}) {
    const auto line = parse({spelling, "runs/grid/slice-0-of-2/", "runs/grid/slice-1-of-2"});
    EXPECT_EQ(line.action, Action::merge);
    EXPECT_THAT(line.slices, ElementsAre("runs/grid/slice-0-of-2/", "runs/grid/slice-1-of-2"));
    EXPECT_EQ(line.output, "runs/grid");
    EXPECT_EQ(parse({spelling, "a", "--output", "b", "--overwrite"}).output, "b");
    EXPECT_EQ(parse({spelling, "a"}).output, ".");
    expect_refused({spelling}, "command line: merge wants the folders of the slices, for example runs/grid/slice-*");
  }
}

TEST(CommandLine, RefusesWhatItDoesNotKnow) {
  expect_refused({"grid.toml", "--outputs", "x"},
                 "command line: unrecognised option '--outputs'; see flatsweep --help");
  expect_refused({"grid.toml", "--outp", "x"}, "command line: unrecognised option '--outp'; see flatsweep --help");
  expect_refused({"grid.toml", "--output"},
                 "command line: the required argument for option '--output' is missing; see flatsweep --help");
  expect_refused({"grid.toml", "other.toml"},
                 "command line: one configuration file at a time, not 2 ('grid.toml', 'other.toml'); see flatsweep "
                 "--help");
  expect_refused({"grid.toml", "--resume", "--overwrite"},
                 "--resume and --overwrite exclude each other: go on with a run, or start it anew");
  expect_refused({},
                 "command line: name a configuration file, for example inputs/quickstart.toml; see flatsweep --help");
  expect_refused({"--dry-run"},
                 "command line: name a configuration file, for example inputs/quickstart.toml; see flatsweep --help");
}

TEST(CommandLine, HelpNamesEveryOption) {
  for (const auto* option : {"--output DIR", "--resume", "--overwrite", "--dry-run", "--set KEY=VALUE", "--quiet",
                             "--slice I/N", "--merge", "--selftest", "--version", "--help", "75"})
    EXPECT_THAT(help_text(), HasSubstr(option));
  EXPECT_THAT(version_text(), HasSubstr("SLEPc"));
}

TEST(CommandLine, RanksToPlanForAreBounded) {
  EXPECT_EQ(parse({"grid.toml", "--dry-run", "--ranks", "1000000"}).ranks, 1000000);
  for (const auto* ranks : {"2147483647", "1000001", "0", "-1"})
    expect_refused({"grid.toml", "--dry-run", "--ranks", ranks},
                   std::string("command line: --ranks ") + ranks + ": write a number of ranks from 1 to 1000000");
}

TEST(CommandLine, SaysWhatAKeyMeans) {
  EXPECT_EQ(text_asked_for(parse({"--help-key", "train.momentum"})),
            "train.momentum = 0.9\n    number: 0 to 0.9999\n    beta of the optimisers with momentum\n");
  EXPECT_THAT(*text_asked_for(parse({"--help-key", "continual.biases"})),
              HasSubstr("continual.biases = [\"held\"]\n    list of choices\n"));
  expect_refused({"--help-key", "train.momentun"},
                 "command line: train.momentun is not a key that flatsweep knows; did you mean train.momentum?");
  expect_refused({"--help-key", "nonsense"},
                 "command line: nonsense is not a key that flatsweep knows; flatsweep --help-keys lists all");
}

}  // namespace
}  // namespace flatsweep::command_line_test
